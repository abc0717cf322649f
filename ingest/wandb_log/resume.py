"""Where a pass over a run's logs ended, as JSON, so that the next one goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .records import Fold

#: Of the JSON below. A pass that meets another one reads everything anew.
FORMAT: Final = 1

_SHORTEST: Final = 9  # bytes that a record takes at least


@dataclass(slots=True)
class Bookmark:
    """How far one file was read. ``digest`` is the proof of ``[0, good_end)``."""

    name: str
    started: int | None = None  # microseconds since 1970
    good_end: int = 0
    size: int = 0
    digest: str = ""
    skipped: list[tuple[int, int]] = field(default_factory=list)
    dead_tail: int | None = None
    torn: bool = False
    last_num: int = 0  # the ``num`` of the last record: they count from 1 without gaps
    lost: int = 0
    _unnumbered: int = 0  # unreadable records since ``last_num``; the next gap counts them

    def count(self, num: int) -> None:
        """Note the number of a record; what it skips was lost. 0 is no number."""
        if num <= 0:
            return
        gap = num - self.last_num - 1
        # A number that leaps further than the file could hold records is no count of anything.
        self.lost += gap if 0 < gap <= self.size // _SHORTEST else 0
        self.last_num = num
        self._unnumbered = 0

    def count_bad(self, num: int) -> None:
        """Note a record that cannot be decoded, or only its number."""
        if num > 0:
            self.lost += 1
        else:
            self._unnumbered += 1

    def lost_records(self) -> int:
        """Return how many records of the file are known to be lost."""
        return self.lost + self._unnumbered

    def all_skipped(self) -> list[tuple[int, int]]:
        """Return the unreadable ranges, that at the end included if it is more than a torn one."""
        tail = [] if self.dead_tail is None else [(self.dead_tail, self.size)]
        return self.skipped + tail

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON values."""
        return {
            "name": self.name,
            "started": self.started,
            "good_end": self.good_end,
            "size": self.size,
            "digest": self.digest,
            "skipped": [list(span) for span in self.skipped],
            "dead_tail": self.dead_tail,
            "torn": self.torn,
            "last_num": self.last_num,
            "lost": self.lost,
            "unnumbered": self._unnumbered,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Bookmark:
        """Undo ``to_json``. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            name=str(data["name"]),
            started=None if data["started"] is None else int(data["started"]),
            good_end=int(data["good_end"]),
            size=int(data["size"]),
            digest=str(data["digest"]),
            skipped=[(int(start), int(end)) for start, end in data["skipped"]],
            dead_tail=None if data["dead_tail"] is None else int(data["dead_tail"]),
            torn=bool(data["torn"]),
            last_num=int(data["last_num"]),
            lost=int(data["lost"]),
            _unnumbered=int(data["unnumbered"]),
        )


@dataclass(slots=True)
class Progress:
    """How far all files of a run were read, and what they amounted to."""

    bookmarks: list[Bookmark] = field(default_factory=list)
    fold: Fold = field(default_factory=Fold)
    bad_history: int = 0
    valueless: int = 0  # values in an encoding that is not known here
    typed: bool = False  # the log says which whole numbers are floats

    def lost_records(self) -> int:
        """Return how many records are known to be lost."""
        return (
            sum(mark.lost_records() for mark in self.bookmarks)
            + self.bad_history
            + self.fold.bad_summaries
        )

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON values."""
        return {
            "format": FORMAT,
            "segments": [mark.to_json() for mark in self.bookmarks],
            "fold": self.fold.state(),
            "bad_history": self.bad_history,
            "valueless": self.valueless,
            "typed": self.typed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Progress | None:
        """Undo ``to_json``; None for what is not of this format."""
        try:
            if data["format"] != FORMAT:
                return None
            return cls(
                bookmarks=[Bookmark.from_json(mark) for mark in data["segments"]],
                fold=Fold.from_state(data["fold"]),
                bad_history=int(data["bad_history"]),
                valueless=int(data["valueless"]),
                typed=bool(data["typed"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
