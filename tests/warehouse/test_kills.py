"""A writer that dies at any moment leaves the last good state, and the next ingest mends it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.ingest.landed import Action
from dakota_wh.warehouse import catalogue, gathered
from dakota_wh.warehouse.layout import PART_TABLES, stored_run_ids
from tests.warehouse.kit import (
    Rows,
    constant_run,
    files_of,
    in_kill_lab,
    ingest,
    run_shell,
    shell_state,
    state,
    write_csv,
)

OLD, NEW = 1.25, -7.5
#: More than there are moments to die in.
RUNS = 56
BIG_RUNS, BIG_STEPS, BIG_METRICS = 15, 2000, 20

Step = dict[str, Any]
State = dict[str, dict[str, Rows]]
OfRun = dict[str, Rows]
NOWHERE: OfRun = {}


def name(moment: int) -> str:
    return f"R{moment:03d}"


def sources(folder: Path, value: float) -> list[Path]:
    """Write a run with the same value for each moment and return their histories."""
    return [constant_run(folder / f"in{value}", name(i), value) for i in range(RUNS)]


def alone(folder: Path, value: float, **options: Any) -> OfRun:
    """Return what each view says of a run with that value, by a clean ingest."""
    root = folder / f"clean{value}{len(options)}"
    ingest(root, constant_run(folder / "clean", "R", value), **options)
    return {view: rows.get("R", []) for view, rows in state(root).items()}


def big_run(folder: Path, number: int, value: float) -> Path:
    metrics = {f"m/{i}": [value] * BIG_STEPS for i in range(BIG_METRICS)}
    columns = {"_step": range(BIG_STEPS), **metrics}
    return write_csv(folder / f"big{value}", f"big{number}", columns)


@dataclass
class Killed:
    """Warehouses in which writers died, and where each writer died."""

    folder: Path
    moments: dict[str, list[Any]]
    old: OfRun
    new: OfRun
    moved: OfRun

    def root(self, job: str) -> Path:
        return self.folder / job

    def runs(self, job: str) -> Iterator[str]:
        return map(name, range(len(self.moments[job])))

    def sources(self, job: str, value: float) -> list[Path]:
        """Return the histories of the runs whose writer died, and of the one whose lived."""
        return sources(self.folder, value)[: len(self.moments[job]) + 1]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Prepare a warehouse for each kind of write and let the writers die in them."""
    folder = tmp_path_factory.mktemp("kills")
    old, new = sources(folder, OLD), sources(folder, NEW)
    other = constant_run(folder / "other", "other", 3.0)
    ingest(folder / "first", other)
    shutil.copytree(folder / "first", folder / "re-ingest")
    ingest(folder / "re-ingest", *old)
    for job in ("role", "rebuild", "remove", "catalogue"):
        shutil.copytree(folder / "re-ingest", folder / job)
    # In this one each other run has an earlier generation beside the live one.
    ingest(folder / "remove", *old[::2], force=True)
    for job in ("re-ingest", "role", "rebuild", "remove", "catalogue"):
        gathered.drop(folder / job)
    ingest(folder / "big", *(big_run(folder, n, 0.0) for n in range(BIG_RUNS)))

    def each(job: str, paths: list[Path], **more: Any) -> dict[str, Any]:
        root = str(folder / job)
        ops = [{"op": "ingest", "root": root, "what": [str(path)], **more} for path in paths]
        return {"steps": ops}

    def of_runs(job: str, runs: Iterable[int]) -> dict[str, Any]:
        return {"steps": [{"op": job, "root": str(folder / job), "run": name(n)} for n in runs]}

    roots = [folder / f"begin{n}" for n in range(3 * RUNS)]
    begin = [{"op": "ingest", "root": str(root), "what": [str(other)]} for root in roots]
    rng = random.Random(7)
    big = each("big", [big_run(folder, n, 1.0) for n in range(BIG_RUNS)], force=True)
    jobs = {
        "first": each("first", new),
        "re-ingest": each("re-ingest", new),
        "role": each("role", old, role="orchestrator"),
        "remove": of_runs("remove", range(0, RUNS, 2)),
        "rebuild": of_runs("rebuild", range(RUNS)),
        "catalogue": of_runs("catalogue", range(RUNS)),
        "begin": {"steps": begin, "until": "run_id=other"},
        "big": {**big, "delays": [rng.uniform(0.0, 0.15) for _ in range(BIG_RUNS)]},
    }
    moments = lab(folder, jobs)
    print({job: len(some) for job, some in moments.items()}, "kills")
    moved = alone(folder, OLD, role="orchestrator")
    return Killed(folder, moments, alone(folder, OLD), alone(folder, NEW), moved)


def lab(folder: Path, jobs: dict[str, Any]) -> dict[str, list[Any]]:
    """Run jobs in the kill lab and return its answers."""
    source, root = str(constant_run(folder / "warm", "warm", 0.0)), str(folder / "warm" / "wh")
    warm: list[dict[str, Any]] = [
        {"op": "ingest", "root": root, "what": [source]},
        {"op": "ingest", "root": root, "what": [source], "role": "trainer"},
        {"op": "rebuild", "root": root, "run": "warm"},
    ]
    return in_kill_lab(warm, jobs)


def of_run(state: State, run_id: str) -> OfRun:
    return {view: rows.get(run_id, []) for view, rows in state.items()}


def sides_of(seen: State, runs: Iterable[str], **candidates: OfRun) -> list[str]:
    """Return which state each run is in: the same one in every view."""
    return [_side(of_run(seen, run), candidates) for run in runs]


def _side(found: OfRun, candidates: dict[str, OfRun]) -> str:
    shown = {view: rows for view, rows in found.items() if rows}
    for word, wanted in candidates.items():
        if shown == {view: rows for view, rows in wanted.items() if rows}:
            return word
    raise AssertionError(f"neither of {', '.join(candidates)}: {found}")


def both_engines(root: Path) -> Iterator[State]:
    catalogue.ensure(root)
    yield state(root)
    yield shell_state(root)


def no_stray_file(root: Path) -> None:
    """Check that the folder holds one generation of each run, and nothing half-made."""
    runs = len(stored_run_ids(root))
    rest = {path for path in files_of(root) if not path.endswith("part-schema.parquet")}
    rest.discard("warehouse.duckdb")
    assert all(path.endswith(".parquet") for path in rest), rest
    for table in (*PART_TABLES, "runs"):
        folders = [Path(path).parent for path in rest if path.startswith(f"{table}/")]
        assert len(folders) == len(set(folders)), f"two files of one run in {table}"
        if table in ("history", "metrics", "steps", "summary", "config", "runs"):
            assert len(folders) == runs, table
    assert not [p for p in root.rglob("run_id=*") if p.is_dir() and not any(p.iterdir())]
    program = root / ".dakota-wh"
    assert not list(program.glob("*.tmp"))
    assert not list(program.glob("staging/*"))


def mended(root: Path, paths: list[Path], wanted: OfRun, **options: Any) -> None:
    """Ingest again, and check that every run is whole, alone and without left-overs."""
    ingest(root, *paths, **options)
    names = [path.name.removesuffix("_history.csv") for path in paths]
    assert set(sides_of(state(root), names, wanted=wanted)) == {"wanted"}
    assert {one.action for one in ingest(root, *paths)} == {Action.UNCHANGED}
    no_stray_file(root)


def test_re_ingest_with_changed_content(killed: Killed) -> None:
    """At each moment the run is old or new, in all views, in both engines; then new for good."""
    root = killed.root("re-ingest")
    assert len(killed.moments["re-ingest"]) > 20
    other = None
    for seen in both_engines(root):
        sides = sides_of(seen, killed.runs("re-ingest"), old=killed.old, new=killed.new)
        assert sides == sorted(sides, reverse=True), "old up to one moment, new from then on"
        assert set(sides) == {"old", "new"}
        assert other is None or of_run(seen, "other") == other
        other = of_run(seen, "other")
    mended(root, killed.sources("re-ingest", NEW), killed.new)
    assert of_run(state(root), "other") == other


def test_first_ingest_of_a_run(killed: Killed) -> None:
    root = killed.root("first")
    for seen in both_engines(root):
        sides = sides_of(seen, killed.runs("first"), absent=NOWHERE, new=killed.new)
        assert sides == sorted(sides)
        assert "absent" in sides
        assert len(seen["history"]["other"]) == 25
    mended(root, killed.sources("first", NEW), killed.new)


def test_the_very_first_ingest(killed: Killed) -> None:
    """The folder itself comes into being: whatever is there, the next ingest completes it."""
    count = len(killed.moments["begin"])
    assert count > 20
    assert "run_id=other" in killed.moments["begin"][-1]
    other = killed.folder / "other" / "other_history.csv"
    # A table takes four moments, so a stride of five meets all kinds.
    for n in sorted({*range(0, count, 5), count - 2, count - 1}):
        root = killed.root(f"begin{n}")
        (landed,) = ingest(root, other)
        assert landed.action is Action.STORED
        assert len(open_warehouse(root).query("metrics")) == 50
        no_stray_file(root)
    answer = run_shell(killed.root("begin5"), "SELECT count(*) FROM metrics;", "-csv", "-noheader")
    assert answer.stdout.strip() == "50", answer.stderr


def test_a_change_of_role(killed: Killed) -> None:
    """The run moves whole: never under both roles, never under none."""
    root = killed.root("role")
    assert len(killed.moments["role"]) > 20
    for seen in both_engines(root):
        sides = sides_of(seen, killed.runs("role"), old=killed.old, new=killed.moved)
        assert set(sides) == {"old", "new"}
        assert sides == sorted(sides, reverse=True)
    paths = killed.sources("role", OLD)
    mended(root, paths, killed.moved, role="orchestrator")
    assert len(list(root.glob("runs/role=orchestrator/run_id=*"))) == len(paths)
    assert len(list(root.glob("runs/role=single/run_id=*"))) == RUNS + 1 - len(paths)


def test_remove(killed: Killed) -> None:
    root = killed.root("remove")
    assert len(killed.moments["remove"]) > 8
    for seen in both_engines(root):
        touched = (name(2 * n) for n in range(len(killed.moments["remove"])))
        sides = sides_of(seen, touched, there=killed.old, gone=NOWHERE)
        assert sides == sorted(sides, reverse=True)
        assert set(sides) == {"there", "gone"}
        assert set(sides_of(seen, map(name, range(1, RUNS, 2)), there=killed.old)) == {"there"}
    mended(root, sources(killed.folder, OLD)[::2], killed.old)


def test_rebuild(killed: Killed) -> None:
    root = killed.root("rebuild")
    assert len(killed.moments["rebuild"]) > 15
    for seen in both_engines(root):
        assert set(sides_of(seen, map(name, range(RUNS)), same=killed.old)) == {"same"}
    mended(root, killed.sources("rebuild", OLD), killed.old)


def test_the_catalogue(killed: Killed) -> None:
    """Half a catalogue is never in its place, and the next one leaves nothing of it."""
    root = killed.root("catalogue")
    assert len(killed.moments["catalogue"]) > 2
    for _ in range(2):
        answer = run_shell(root, "SELECT count(*) FROM runs;", "-csv", "-noheader")
        assert answer.stdout.strip() == str(RUNS + 1), answer.stderr
        assert len(open_warehouse(root).query("runs")) == RUNS + 1
    no_stray_file(root)


def test_sigkill_at_random_moments(killed: Killed) -> None:
    """Larger runs, each replaced by a writer that is killed: all of a run says one number."""
    root = killed.root("big")
    codes = killed.moments["big"]
    assert codes.count(-9) >= BIG_RUNS // 2, codes
    warehouse = open_warehouse(root)
    question = (
        "SELECT run_id, count(*), min({0}), max({0}), count(DISTINCT {1}) FROM {2} GROUP BY 1"
    )
    long = warehouse.sql(question.format("value", "step", "metrics"))
    wide = warehouse.sql(question.format('"m/7"', "_step", "history"))
    values = {}
    for run, rows, low, high, steps in long:
        assert (rows, steps, low) == (BIG_STEPS * BIG_METRICS, BIG_STEPS, high)
        assert low in (0.0, 1.0)
        values[run] = low
    assert len(values) == BIG_RUNS
    for run, rows, low, high, steps in wide:
        assert (rows, steps, low, high) == (BIG_STEPS, BIG_STEPS, values[run], values[run])
    paths = [big_run(killed.folder, n, 1.0) for n in range(BIG_RUNS)]
    ingest(root, *paths)
    assert {one.action for one in ingest(root, *paths)} == {Action.UNCHANGED}
    no_stray_file(root)
    assert set(warehouse.sql("SELECT DISTINCT value FROM metrics").rows()) == {(1.0,)}
