"""Answers GraphQL documents from nested mappings; a callable in them takes the arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .graphql import Document, Field, GraphQLProblem, Spread, Variable


class Execution:
    """One document with its variables."""

    def __init__(self, document: Document, variables: Mapping[str, Any]) -> None:
        """Take the variables, or their defaults."""
        self.document = document
        self.values = document.defaults | dict(variables)

    def data(self, root: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the document asks of the root; an unknown field is a problem."""
        return self._answer(root, self.document.selection)

    def _answer(self, owner: Mapping[str, Any], selection: list[Field | Spread]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for item in self._fields(selection):
            if item.name not in owner:
                kind = owner.get("__typename", "Query")
                raise GraphQLProblem(f'Cannot query field "{item.name}" on type "{kind}".')
            value = owner[item.name]
            if callable(value):
                value = value({name: self._filled(v) for name, v in item.arguments.items()})
            found[item.key] = self._shaped(value, item.selection)
        return found

    def _shaped(self, value: Any, selection: list[Field | Spread] | None) -> Any:
        if value is None or selection is None:
            return value
        if isinstance(value, list):
            return [self._shaped(item, selection) for item in value]
        return self._answer(value, selection)

    def _fields(self, selection: list[Field | Spread]) -> Iterator[Field]:
        for item in selection:
            if isinstance(item, Field):
                wanted, condition = item.condition or (True, True)
                if wanted == bool(self._filled(condition)):
                    yield item
            elif item.name is None:
                yield from self._fields(item.selection)
            elif item.name in self.document.fragments:
                yield from self._fields(self.document.fragments[item.name])
            else:
                raise GraphQLProblem(f'Unknown fragment "{item.name}".')

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Variable):
            return self.values.get(value.name)
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        return value
