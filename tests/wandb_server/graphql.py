"""Just enough of GraphQL's syntax for the client's documents; see ``execute`` for answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(r'#[^\n]*|[\s,]+|(\.\.\.|[{}()\[\]:!$@=]|"(?:\\.|[^"\\])*"|[\w.+-]+)')


class GraphQLProblem(Exception):
    """A document that the server cannot answer."""


@dataclass(frozen=True)
class Variable:
    """A place in an argument for a variable's value."""

    name: str


@dataclass
class Field:
    """A field of a selection; ``condition`` is of ``@include`` or ``@skip``."""

    name: str
    key: str
    arguments: dict[str, Any]
    selection: list[Field | Spread] | None
    condition: tuple[bool, Any] | None = None


@dataclass
class Spread:
    """``...Fragment``, or an inline fragment."""

    name: str | None
    selection: list[Field | Spread] = field(default_factory=list)


@dataclass
class Document:
    """One operation and its fragments."""

    kind: str
    name: str
    defaults: dict[str, Any]
    selection: list[Field | Spread]
    fragments: dict[str, list[Field | Spread]]


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: Iterator[str] = (m[1] for m in TOKEN.finditer(text) if m[1])
        self.next = next(self.tokens, "")

    def take(self, wanted: str | None = None) -> str:
        token = self.next
        if not token or wanted not in (None, token):
            raise GraphQLProblem(f"Syntax Error: expected {wanted or 'more'}, found {token!r}")
        self.next = next(self.tokens, "")
        return token

    def skip(self, wanted: str) -> bool:
        found = self.next == wanted
        if found:
            self.take()
        return found

    def document(self) -> Document:
        found: Document | None = None
        fragments: dict[str, list[Field | Spread]] = {}
        while self.next:
            if self.skip("fragment"):
                name = self.take()
                self.take("on")
                self.take()
                fragments[name] = self.selection()
            else:
                kind = self.take() if self.next != "{" else "query"
                name = self.take() if self.next not in "({" else ""
                defaults = self.variables()
                found = Document(kind, name, defaults, self.selection(), fragments)
        if found is None:
            raise GraphQLProblem("Syntax Error: no operation")
        return found

    def variables(self) -> dict[str, Any]:
        defaults: dict[str, Any] = {}
        if self.skip("("):
            while not self.skip(")"):
                self.take("$")
                name = self.take()
                self.take(":")
                while self.next not in ("$", ")", "="):
                    self.take()
                if self.skip("="):
                    defaults[name] = self.value()
        return defaults

    def selection(self) -> list[Field | Spread]:
        self.take("{")
        found: list[Field | Spread] = []
        while not self.skip("}"):
            found.append(self.spread() if self.skip("...") else self.one_field())
        return found

    def spread(self) -> Spread:
        if self.skip("on"):
            self.take()
            return Spread(None, self.selection())
        return Spread(self.take())

    def one_field(self) -> Field:
        key = name = self.take()
        if self.skip(":"):
            name = self.take()
        arguments = self.arguments()
        condition = None
        while self.skip("@"):
            directive = self.take()
            condition = (directive == "include", self.arguments().get("if"))
        inner = self.selection() if self.next == "{" else None
        return Field(name, key, arguments, inner, condition)

    def arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.skip("("):
            while not self.skip(")"):
                name = self.take()
                self.take(":")
                found[name] = self.value()
        return found

    def value(self) -> Any:
        if self.skip("$"):
            return Variable(self.take())
        if self.skip("["):
            items = []
            while not self.skip("]"):
                items.append(self.value())
            return items
        if self.skip("{"):
            pairs = {}
            while not self.skip("}"):
                name = self.take()
                self.take(":")
                pairs[name] = self.value()
            return pairs
        token = self.take()
        try:
            return json.loads(token)
        except ValueError:
            return token


def parse(text: str) -> Document:
    """Return the document's operation."""
    return _Parser(text).document()
