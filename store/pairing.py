"""Pairs that a person fixes, wherever the warehouse lies: see :mod:`dakota_wh.warehouse.pairs`.

A pair is an object of its own and belongs to no run's generation. That a run is in one pair at most
is looked at once more after the write, since two writers do not see each other before.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from dakota_wh.errors import WarehouseError
from dakota_wh.store.arriving import link
from dakota_wh.store.mirror import Mirror, mirror_of
from dakota_wh.warehouse import folder, pairs
from dakota_wh.warehouse.layout import STATE_FOLDER
from dakota_wh.warehouse.pairs import FixedPair, fixed_pairs
from dakota_wh.warehouse.run_row import row_files


def fix(root: Path, orchestrator: str, trainer: str) -> bool:
    """Fix a pair of two stored runs; return whether it is new. See ``pairs.fix``."""
    mirror = mirror_of(root)
    if mirror is None:
        folder.create(root)
        return pairs.fix(root, orchestrator, trainer)
    place = root / STATE_FOLDER / "work" / f"+pairs-{secrets.token_hex(8)}"
    try:
        _furnish(root, place, orchestrator, trainer)
        there = {pair.path for pair in fixed_pairs(place)}
        if not pairs.fix(place, orchestrator, trainer):
            return False
        [new] = [pair for pair in fixed_pairs(place) if pair.path not in there]
        key = new.path.relative_to(place).as_posix()
        mirror.objects.upload(new.path, key)
        mirror.adopt(new.path, key)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    _settle(mirror, root / key, {orchestrator, trainer})
    return True


def release(root: Path, orchestrator: str, trainer: str) -> None:
    """Undo a fixed pair; see ``pairs.release``."""
    mirror = mirror_of(root)
    mine = [
        pair.path.relative_to(root).as_posix()
        for pair in fixed_pairs(root)
        if (pair.orchestrator_run_id, pair.trainer_run_id) == (orchestrator, trainer)
    ]
    if mirror is not None and mine:
        mirror.objects.delete(mine)
        mirror.changed()
        mirror.refresh()
        return
    pairs.release(root, orchestrator, trainer)


def _furnish(root: Path, place: Path, *runs: str) -> None:
    rows = [path for run in runs for path in row_files(root, run)]
    place.mkdir(parents=True)
    for path in (*rows, *(pair.path for pair in fixed_pairs(root))):
        target = place / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        link(path, target)


def _settle(mirror: Mirror, mine: Path, runs: set[str]) -> None:
    """Take my pair back where somebody fixed another one of its runs in the same moment.

    Raises:
        WarehouseError: so it is.
    """
    mirror.changed()
    mirror.refresh()
    others = [pair for pair in fixed_pairs(mirror.folder) if pair.path != mine]
    rivals = [pair for pair in others if runs & {*_runs(pair)}]
    twins = [pair.path for pair in rivals if {*_runs(pair)} == runs]
    if twins:  # the same pair: whoever sees both leaves the same one of them
        surplus = sorted([mine, *twins], key=lambda path: path.name)[1:]
    else:
        surplus = [mine] if rivals else []
    if not surplus:
        return
    mirror.objects.delete([path.relative_to(mirror.folder).as_posix() for path in surplus])
    mirror.changed()
    if twins:
        return
    names = " and ".join(_runs(rivals[0]))
    raise WarehouseError(
        f"Another process has just fixed {names} as a pair, and a run is in one at most.",
        hint="Those that are: dakota-wh query fixed_pairs",
    )


def _runs(pair: FixedPair) -> tuple[str, str]:
    return pair.orchestrator_run_id, pair.trainer_run_id
