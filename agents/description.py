"""What a view means, as a document of a size that is given."""

from __future__ import annotations

from typing import Any

from dakota_wh.rendering.as_json import json_text
from dakota_wh.sql.views import View


def described(view: View, most: int) -> dict[str, Any]:
    """Return a view's columns with types and meanings, its formula, notes and SQL.

    Where that is more than ``most`` characters of JSON, the SQL goes first, then the notes, then
    the columns' meanings from the last on; ``complete`` is then false, and ``left_out`` says so.
    """
    columns = [{"name": c.name, "type": c.type, "description": c.description} for c in view.columns]
    document: dict[str, Any] = {
        "view": view.name,
        "version": view.version,
        "description": view.description,
        "row": view.row,
        "formula": view.formula,
        "notes": list(view.notes),
        "columns": columns,
        "rest": view.rest,
        "sql": view.sql,
    }
    left_out: list[str] = []
    for member in ("sql", "notes"):
        if _fits(document, most):
            return document
        left_out.append(f"its {'SQL' if member == 'sql' else member}")
        del document[member]
        document |= _said(left_out, most)
    while columns and not _fits(document, most):
        columns.pop()
        gone = len(view.columns) - len(columns)
        document |= _said([*left_out, f"{gone} of {len(view.columns)} columns"], most)
    return document


def _said(left_out: list[str], most: int) -> dict[str, Any]:
    what = ", ".join(left_out)
    return {
        "complete": False,
        "left_out": f"Not shown, since an answer holds {most} characters: {what}.",
    }


def _fits(document: dict[str, Any], most: int) -> bool:
    return len(json_text(document)) <= most
