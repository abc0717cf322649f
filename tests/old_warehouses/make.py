"""Writes the fixture of the version that is installed: ``python -m tests.old_warehouses.make``.

``<version>/warehouse.tar.xz`` is a small warehouse of made runs, ``wh``, without its catalogue,
which is derived, and ``answers.json``: what each view said of it then. To be run when a version is
released, and by hand before, when an unreleased layout or view changes; never for a version that
was released.
"""

from __future__ import annotations

import io
import json
import math
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dakota_wh import api
from dakota_wh.rendering.as_json import write_json
from tests.warehouse.kit import VOLATILE, write_csv
from tests.warehouse.kit import write_json as write_export

HERE = Path(__file__).parent
STEPS = 24


def sources(folder: Path) -> list[Path]:
    """Write three runs, always the same: a pair, and one with values of all kinds."""
    steps = range(STEPS)

    def logged(start: float) -> dict[str, Sequence[object]]:
        times = [start + 2 * i for i in steps]
        return {"_step": steps, "_timestamp": times, "step": steps}

    orch = write_csv(
        folder / "orch",
        "orch",
        {
            **logged(1_767_225_600.5),
            "reward/mean": [0.2 + 0.01 * i + (i % 3) / 7 for i in steps],
            "metrics/format_reward": [(i % 4) / 4 for i in steps],
            "metrics/dead_reward": [0] * STEPS,
        },
        summary={"_step": STEPS - 1, "reward/mean": 0.43},
        config={"model": {"name": "small"}, "max_steps": STEPS},
    )
    trainer = write_csv(
        folder / "trainer",
        "trainer",
        {
            **logged(1_767_225_602.25),
            "loss/mean": [1 / (i + 1) for i in steps],
            "optim/grad_norm": [math.nan if i == 5 else 1.5 + math.sin(i) for i in steps],
            "entropy/mean": [2 - i / 30 for i in steps],
        },
        config={"model": {"name": "small"}, "max_steps": STEPS},
    )
    odd = {"big": 2**60 + 1, "text": "a 'quoted' <b>", "list": [1, None], "nested": {"k": 0.5}}
    rows = [{"_step": i, "score": i * i, **(odd if i % 7 == 0 else {})} for i in steps]
    return [orch, trainer, write_export(folder / "odd", "Odd/run %2F", rows)]


def answers(root: Path, relations: list[str] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return what each view, by its name with the version, says; without what is volatile."""
    warehouse = api.open(root)
    found = {}
    for relation in relations or [view.relation for view in warehouse.views()]:
        text = io.StringIO()
        write_json(warehouse.query(relation), text.write)
        rows = json.loads(text.getvalue())
        found[relation] = [
            {k: v for k, v in row.items() if k not in (*VOLATILE, "source_name")} for row in rows
        ]
    return found


def main() -> None:
    """Write the fixture."""
    place = HERE / version("dakota-wh")
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "wh"
        landed = api.open(root).ingest(*sources(Path(folder)))
        if failed := [one.error for one in landed if one.error]:
            sys.exit(f"not ingested: {failed}")
        said = answers(root)
        text = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
        (Path(folder) / "answers.json").write_text(text, encoding="utf-8")
        with tarfile.open(place / "warehouse.tar.xz", "w:xz") as packed:
            packed.add(Path(folder) / "answers.json", "answers.json", filter=_bare)
            for path in sorted(root.rglob("*.parquet")):
                if ".dakota-wh" not in path.parts:
                    packed.add(path, f"wh/{path.relative_to(root).as_posix()}", filter=_bare)
    size = (place / "warehouse.tar.xz").stat().st_size
    sys.stdout.write(f"{place}: {size:,} bytes\n")


def _bare(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who made it and when."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main()
