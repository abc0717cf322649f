"""The lock on published views: ``lock.json`` holds the hash of every view's file.

A published version is never edited; a change of meaning is a new file, ``…_v2.sql``.

    uv run python -m dakota_wh.sql.lock                      lock the views that are new
    uv run python -m dakota_wh.sql.lock --unreleased NAME…   also relock these, which no release has

``NAME`` is a view (``reward_stats``, its newest version) or a relation (``reward_stats_v1``). Only
a version that no release contains may be relocked: people's results rest on the others.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dakota_wh.errors import WarehouseError
from dakota_wh.sql.views import FOLDER, Registry

FILE = FOLDER / "lock.json"


def hash_of(text: str) -> str:
    """SHA-256 of a file's text, the same whatever its line ends are."""
    return hashlib.sha256("\n".join(text.splitlines()).rstrip("\n").encode()).hexdigest()


def current(registry: Registry) -> dict[str, str]:
    """The hash of every view's file as it is now, by relation."""
    return {name: hash_of(view.text) for name, view in sorted(registry.views.items())}


def problems(locked: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by relation: a view that was edited, removed, or never locked."""
    found = {}
    for name in sorted({*locked, *now}):
        if name not in now:
            found[name] = "is locked, but its file is gone"
        elif name not in locked:
            found[name] = "is not locked"
        elif locked[name] != now[name]:
            found[name] = "was edited after it was locked"
    return found


def relock(
    locked: Mapping[str, str], now: Mapping[str, str], unreleased: Collection[str] = ()
) -> dict[str, str]:
    """The new lock: views that are new are added, and ``unreleased`` ones replaced or dropped."""
    for name, problem in problems(locked, now).items():
        if name in locked and name not in unreleased:
            raise WarehouseError(
                f"{name} {problem}.",
                hint="Publish the change as the next version, or, if no release has this one: "
                f"python -m dakota_wh.sql.lock --unreleased {name}",
            )
    return dict(sorted(now.items()))


def read(file: Path = FILE) -> dict[str, str]:
    """The lock as stored; empty where there is none yet."""
    if not file.exists():
        return {}
    locked: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return locked


def main(arguments: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Update ``lock.json``; refuse if a locked view has changed."""
    parser = argparse.ArgumentParser(
        prog="python -m dakota_wh.sql.lock", description="Lock the views that are new."
    )
    parser.add_argument(
        "--unreleased", nargs="+", default=[], metavar="NAME", help="relock views in no release yet"
    )
    names: list[str] = parser.parse_args(arguments).unreleased
    file = folder / FILE.name
    registry = Registry.load(folder)
    locked, now = read(file), current(registry)
    relations = {registry.aliases.get(name, name) for name in names}
    try:
        if unknown := relations - {*locked, *now}:
            raise WarehouseError(f"There is no view {sorted(unknown)[0]!r}.")
        new = relock(locked, now, relations)
    except WarehouseError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    file.write_text(json.dumps(new, indent=2) + "\n", encoding="utf-8")
    for name in sorted({*locked, *new}):
        if locked.get(name) != new.get(name):
            sys.stdout.write(f"{name} {'unlocked' if name not in new else 'locked'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
