"""The kinds of work that are killed: how each is prepared, its words, and what mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.attacks import sources
from benchmarks.attacks.program import call

_ORCH: Final = "in/offline-run-20260101_000000-orch"
_TRAIN: Final = "in/offline-run-20260101_000000-train"
_OTHERS: Final = (_TRAIN, "in/csv")
_ALL: Final = (_ORCH, *_OTHERS)
_INGEST: Final = ["ingest", _ORCH]
_FORCED: Final = [*_INGEST, "--force"]
_EXPORT: Final = ["export", "orch", "--format", "csv", "--format", "json", "--output-dir", "out"]
#: A file for people is written as report and plot write theirs.
_PRINT: Final = ["query", "metrics", "-o", "out/metrics.csv"]
_SYNC: Final = ["sync", "wh", "copy"]
#: Runs whose removal or copy takes long enough to be killed between them.
_SEVERAL: Final = [f"s{number:02}" for number in range(16)]
_REMOVE: Final = ["remove", *_SEVERAL, "--yes"]
_MANY: Final = 70
#: Of so many runs not all views: what is gathered, and some that rest on it.
_FEW_VIEWS: Final = ("runs", "series", "series_numbers", "metrics", "history", "reward_trends",
                     "steps")  # fmt: skip

Step = Callable[[Path], object]


@dataclass(slots=True)
class Work:
    """One kind of work, in a place that its steps prepare."""

    name: str
    words: list[str]
    prepare: tuple[Step, ...]
    #: Done after the kill, one after the other; the last one must find nothing to do.
    mend: list[list[str]]
    #: The warehouse that is looked at, below the place.
    root: str = "wh"
    #: Files for people, below the place: each must be whole.
    files: str = ""
    #: The exit codes with which what mends may end.
    may_end: frozenset[int] = frozenset({0})
    #: The views that are asked; all where none is named.
    views: tuple[str, ...] = ()


def placed(words: list[str]) -> list[str]:
    """Return the words with the warehouse, unless they name one; ``sync`` names both."""
    named = words[0] == "sync" or "--warehouse" in words
    return words if named else [*words, "--warehouse", "wh"]


def _must(place: Path, words: list[str]) -> None:
    done = call(placed(words), place)
    if done.code:
        raise SystemExit(f"{' '.join(words)}: exit {done.code}: {done.err}")


def _logged(place: Path) -> None:
    sources.log(place / "in", sources.orchestrator(), open_=True)
    sources.log(place / "in", sources.trainer())
    sources.small(place / "in" / "csv", "other", 3.0)


def _all(place: Path) -> None:
    _must(place, ["ingest", *_ALL])


def _others(place: Path) -> None:
    _must(place, ["ingest", *_OTHERS])


def _changed(place: Path) -> None:
    sources.log(place / "in", sources.orchestrator(steps=sources.STEPS + 30, seed=5))


def _grown(place: Path) -> None:
    sources.grow(place / _ORCH / "run-orch.wandb", sources.orchestrator(), 40)


def _stored_anew(place: Path) -> None:
    _must(place, _FORCED)
    _must(place, _INGEST)


def _synced(place: Path) -> None:
    _must(place, _SYNC)


def _exported(place: Path) -> None:
    _must(place, _EXPORT)


def _printed(place: Path) -> None:
    (place / "out").mkdir()
    _must(place, _PRINT)


def _several(place: Path, value: float = 1.0) -> None:
    for run_id in _SEVERAL:
        sources.small(place / "in" / "several", run_id, value)
    _must(place, ["ingest", "in/several", "--force"])


def _several_anew(place: Path) -> None:
    _several(place, 2.0)


def _many(place: Path) -> None:
    for number in range(_MANY):
        sources.small(place / "in" / "many", f"r{number:03}", float(number), steps=3)
    sources.log(place / "in", sources.orchestrator())
    _must(place, ["ingest", "in/many"])
    shutil.rmtree(place / "wh" / ".dakota-wh" / "gathered")


def works() -> list[Work]:
    """Return what is killed."""
    stored, anew = (_logged, _all), (_changed, _stored_anew)
    each_removed = [["remove", run_id, "--yes"] for run_id in _SEVERAL]
    return [
        Work("ingest", _INGEST, (_logged, _others), [_INGEST, _INGEST]),
        Work("ingest into nothing", _INGEST, (_logged,), [_INGEST, _INGEST]),
        Work("re-ingest --force", _FORCED, (*stored, _changed), [_FORCED, _INGEST]),
        Work("append", _INGEST, (*stored, _grown), [_INGEST, _INGEST]),
        Work("rebuild", ["rebuild"], stored, [["rebuild"], ["ingest", *_ALL]]),
        Work(
            "remove",
            _REMOVE,
            (*stored, _several, _several_anew),
            each_removed,
            may_end=frozenset({0, 3}),
            views=_FEW_VIEWS,
        ),
        Work("gathering", _INGEST, (_many,), [_INGEST, _FORCED, _INGEST], views=_FEW_VIEWS),
        Work("sync", _SYNC, (*stored, _synced, *anew), [_SYNC], root="copy"),
        Work(
            "sync of several",
            _SYNC,
            (_several, _synced, _several_anew),
            [_SYNC],
            root="copy",
            views=_FEW_VIEWS,
        ),
        Work("export", _EXPORT, (*stored, _exported, *anew), [_EXPORT], files="out"),
        Work("query -o", _PRINT, (*stored, _printed, *anew), [_PRINT], files="out"),
    ]
