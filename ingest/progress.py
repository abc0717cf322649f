"""How long work tells what it is doing. The library never prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One step forward: ``done`` of ``total`` (None: not known) rows in a stage of a run."""

    run_id: str
    stage: str  # "reading", "metrics", "publishing"
    done: int
    total: int | None = None


OnProgress = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """Take no notice: the default."""
