"""An error's words for an agent: it has tools, where a person at a shell has commands."""

from __future__ import annotations

import re
from typing import Final

from dakota_wh.errors import WarehouseError

#: What an error says to a person, and what an agent can do instead.
_INSTEAD: Final = (
    (r"`dakota-wh views` lists all", "list_views lists all"),
    (r"The views: dakota-wh views", "list_views lists the views"),
    (r"Its columns: dakota-wh schema (\w+)", r"describe_view tells the columns of \1"),
    (r"To change or export data, use the duckdb shell: .*", "Nothing can be changed here."),
    (r"(Narrow it down), or give it longer.*", r"\1: one run, a metric pattern, fewer rows."),
    (r"\B--(run|role|metric)\b", r"\1"),
)


def for_agent(error: WarehouseError) -> str:
    """Return what happened and what to do; what only a person can type is told as such."""
    hint = _translated(error.hint)
    if "dakota-wh " in hint or re.search(r"\B--\w", hint):
        hint = f"The user has to do this: {hint}"
    return f"{_translated(error.message)} {hint}".rstrip()


def _translated(text: str) -> str:
    for pattern, instead in _INSTEAD:
        text = re.sub(pattern, instead, text)
    return text
