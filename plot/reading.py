"""What a chart needs of a warehouse: views by name and SELECTs, nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from dakota_wh.warehouse.findings import Finding
    from dakota_wh.warehouse.result import Result

_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_COMMENT: Final = re.compile(r"^--[^\n]*\n", re.MULTILINE)


class Reading(Protocol):
    """The reading half of :class:`dakota_wh.api.Warehouse`."""

    def query(self, name: str, *, runs: Sequence[str] = (), metric: str | None = None) -> Result:
        """Return a view's rows."""

    def sql(self, text: str) -> Result:
        """Return the rows of one SELECT."""

    def check(self, *runs: str) -> list[Finding]:
        """Return what is odd about the runs."""


def filled(package: str, name: str, **values: str | Sequence[str]) -> str:
    """Return the SELECT in ``name`` of a package of ours, each ``{place}`` filled with a literal.

    A sequence becomes a list of literals for ``IN (…)``. The text can be typed into ``dakota-wh
    sql`` as it stands: names become literals that hold any character, and none can leave them.

    Raises:
        KeyError: the file has a place that no value is given for.
    """
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    places = {
        place: text_literal(value)
        if isinstance(value, str)
        else ", ".join(text_literal(one) for one in value)
        for place, value in values.items()
    }
    bare = _COMMENT.sub("", text).strip().removesuffix(";")
    return _PLACE.sub(lambda found: places[found[1]], bare)


def text_literal(text: str) -> str:
    """Return a string as an SQL literal of visible characters.

    What cannot be seen (line breaks, NUL, marks that turn the direction of writing) is written as
    ``chr(n)``, so that the SQL on a page reads as it runs.
    """
    pieces: list[str] = []
    for visible, run in groupby(text, key=str.isprintable):
        if visible:
            pieces.append("'" + "".join(run).replace("'", "''") + "'")
        else:
            pieces += [f"chr({ord(character)})" for character in run]
    if len(pieces) == 1 and pieces[0].startswith("'"):
        return pieces[0]
    return f"({' || '.join(pieces)})" if pieces else "''"
