"""Answers set side by side: a benchmark of ways that disagree is worth nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: An answer: values by what they are of.
Answer = Mapping[tuple[str, ...], Sequence[float | int | None]]


def by_texts(rows: Iterable[Sequence[Any]]) -> Answer:
    """Return rows by the texts in them."""
    return {
        tuple(cell for cell in row if isinstance(cell, str)): [
            cell for cell in row if not isinstance(cell, str)
        ]
        for row in rows
    }


def must_agree(name: str, answer: Answer, reference: Answer, relative: float = 1e-9) -> int:
    """Compare every value of two answers; return how many there were.

    Numbers may differ by ``relative`` of the greater one, or of 1 where both are below (a mean of
    values around 0, a difference of means).

    Raises:
        SystemExit: a key is missing on one side, or a value differs.
    """
    if answer.keys() != reference.keys():
        odd = sorted(answer.keys() ^ reference.keys())[:3]
        raise SystemExit(f"{name}: {len(answer)} rows, not {len(reference)}; {odd}")
    compared = 0
    for key, expected in reference.items():
        for at, (one, other) in enumerate(zip(answer[key], expected, strict=True)):
            if not _same(one, other, relative):
                raise SystemExit(f"{name}: {one!r} is not {other!r} at {key}, value {at}")
            compared += 1
    if not compared:
        raise SystemExit(f"{name}: nothing to compare")
    return compared


def _same(one: float | None, other: float | None, relative: float) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or math.isclose(one, other, rel_tol=relative, abs_tol=relative)
