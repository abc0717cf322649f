"""Answers of the service as JSON values of the form that they should have, or an error in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dakota_wh.errors import NoSuchSource, SourceProblem
from dakota_wh.ingest.exports.tokens import clean_facts, plain_decoder
from dakota_wh.ingest.wandb_api.failures import AGAIN


def answer_of(text: str, about: str) -> Mapping[str, Any]:
    """Return an answer's object; its texts are fit for UTF-8, its integers exact.

    Raises:
        SourceProblem: it is no JSON object, or nested without end.
    """
    try:
        value = clean_facts(plain_decoder().decode(text))
    except (ValueError, RecursionError) as error:
        raise SourceProblem(f"W&B's answer for {about} is no JSON.", hint=AGAIN) from error
    if not isinstance(value, dict):
        raise SourceProblem(f"W&B's answer for {about} is no JSON object.", hint=AGAIN)
    return value


def project_of(answer: Mapping[str, Any], entity: str | None, project: str) -> Mapping[str, Any]:
    """Return ``project`` of an answer.

    Raises:
        NoSuchSource: it is not there.
    """
    found = answer.get("project")
    if not isinstance(found, dict):
        raise NoSuchSource(
            f"W&B has no project {entity}/{project}, or this key may not see it.",
            hint="Check the names as in the project's web address, and WANDB_BASE_URL.",
        )
    return found


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list; none of anything else."""
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict):
            yield one


def nodes(page: object) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes of a page: ``{"edges": [{"node": {…}}, …]}``."""
    for edge in mappings(mapping(page).get("edges")):
        if isinstance(edge.get("node"), dict):
            yield edge["node"]


def next_cursor(page: object) -> str | None:
    """Return where the page after this one begins, None for the last one."""
    info = mapping(mapping(page).get("pageInfo"))
    cursor = info.get("endCursor")
    return cursor if info.get("hasNextPage") and isinstance(cursor, str) and cursor else None
