"""Exports and logs made by hand, and tables in a form in which they can be compared."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action, Landed
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.result import Result
from tests.wandb_log import encoder

Row = dict[str, Any]

#: Columns that say when and how often something was stored, and not what.
TIMES = frozenset({"ingested_at", "generation"})

#: The relations that together hold everything that is stored of a run.
STORED = (
    "runs",
    "history",
    "metrics",
    "timed_metrics",
    "series",
    "steps",
    "summary",
    "config",
)

#: What is computed of them.
COMPUTED = (
    "metric_stats",
    "metric_trends",
    "run_pair_candidates",
    "run_pairs",
    "reward_loss_by_step",
)
VIEWS = (*STORED, *COMPUTED)


def without_table(warehouse: Warehouse, table: str) -> None:
    """Make the warehouse what one was before there was a table: no folder, and no row names it."""
    shutil.rmtree(warehouse.path / table)
    for path in warehouse.path.glob("runs/role=*/run_id=*/run-*.parquet"):
        row = pq.ParquetFile(path).read()
        named = row.select(["parts", "files", "hashes"]).to_pylist()[0]
        kept = [at for at, file in enumerate(named["files"]) if not file.startswith(f"{table}/")]
        for column, values in named.items():
            at = row.schema.get_field_index(column)
            array = pa.array([[values[one] for one in kept]], row.schema.field(at).type)
            row = row.set_column(at, row.schema.field(at), array)
        pq.write_table(row, path)


def land(warehouse: Warehouse, path: Path, **options: Any) -> Landed:
    """Ingest one run that must not fail."""
    (landed,) = warehouse.ingest(path, **options)
    assert landed.error is None, landed.error
    return landed


def fails(warehouse: Warehouse, path: Path, **options: Any) -> Landed:
    """Ingest one run that must fail with one line for a person."""
    (landed,) = warehouse.ingest(path, **options)
    assert landed.action is Action.FAILED
    assert landed.error is not None
    assert landed.note == landed.error.message
    for words in (landed.error.message, landed.error.hint):
        assert words
        assert "\n" not in words
        assert "Traceback" not in words
    return landed


def stored_run(warehouse: Warehouse, run_id: str) -> Row:
    """Return the run's row of the view runs."""
    (row,) = warehouse.query("runs", runs=[run_id]).dicts()
    return row


@dataclass(frozen=True)
class Answer:
    """The rows of a relation."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def dicts(self) -> list[Row]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def answers(warehouse: Warehouse, views: Iterable[str]) -> dict[str, Answer]:
    """Return what several views answer, over one connection: a query each is much slower."""
    wanted = list(views)
    with closing(connect(warehouse.path, wanted)) as connection:
        found = {}
        for view in wanted:
            result = connection.execute(f"SELECT * FROM {view}")
            described = result.description or []
            columns, types = [c[0] for c in described], [str(c[1]) for c in described]
            found[view] = Answer(columns, types, result.fetchall())
        return found


def rows_of(result: Answer | Result, without: Iterable[str] = ()) -> list[str]:
    """Return rows as texts that are equal when the rows are, NaN and -0.0 included, sorted."""
    left_out = set(without)
    places = sorted((name, at) for at, name in enumerate(result.columns) if name not in left_out)
    names = ",".join(name for name, _ in places)
    rows = result.rows if isinstance(result, Answer) else result.rows()
    return sorted(f"{names}: {[row[at] for _, at in places]!r}" for row in rows)


def tables(
    warehouse: Warehouse, views: Iterable[str] = STORED, without: Iterable[str] = TIMES
) -> dict[str, list[str]]:
    """Return what the views answer, without the columns that tell of the storing itself."""
    return {view: rows_of(found, without) for view, found in answers(warehouse, views).items()}


def assert_same(got: Mapping[str, list[str]], wanted: Mapping[str, list[str]]) -> None:
    """Compare :func:`tables`, and show a few rows of what differs."""
    for view, rows in wanted.items():
        if got[view] != rows:
            more = sorted(set(got[view]) - set(rows))[:3]
            less = sorted(set(rows) - set(got[view]))[:3]
            counts = f"{len(got[view])} rows, wanted {len(rows)}"
            raise AssertionError(f"{view}: {counts}; only there: {more}; only wanted: {less}")


def assert_same_answers(got: Warehouse, wanted: Warehouse, views: Sequence[str]) -> None:
    """Compare computed views; a sum may differ in its last bits with the order of its terms."""
    left_answers, right_answers = (answers(w, views) for w in (got, wanted))
    for view in left_answers:
        one, other = _split(left_answers[view]), _split(right_answers[view])
        assert [exact for exact, _ in one] == [exact for exact, _ in other], view
        for (exact, left), (_, right) in zip(one, other, strict=True):
            for a, b in zip(left, right, strict=True):
                close = a == b or (a is not None and b is not None and math.isclose(a, b))
                assert close, (view, exact, a, b)


def _split(result: Answer) -> list[tuple[str, list[float | None]]]:
    """Return the rows, sorted, each as what is exact and the columns that are DOUBLE."""
    doubles = [at for at, kind in enumerate(result.types) if kind == "DOUBLE"]
    others = [at for at, kind in enumerate(result.types) if kind != "DOUBLE"]
    rows = [(repr([row[at] for at in others]), [row[at] for at in doubles]) for row in result.rows]
    return sorted(rows, key=lambda row: row[0])


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Return each file below a folder with its time and the hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            hashlib.blake2b(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def parts(warehouse: Warehouse, table: str, run_id: str) -> list[Path]:
    """Return the Parquet files of one table of a run, whatever its role."""
    return sorted(warehouse.path.glob(f"{table}/role=*/run_id={run_id}/*.parquet"))


def roles_on_disk(warehouse: Warehouse, run_id: str) -> set[str]:
    """Return the roles under which any table has a file of the run."""
    found = warehouse.path.glob(f"*/role=*/run_id={run_id}/*")
    return {path.parent.parent.name.removeprefix("role=") for path in found}


def numbered(values: Sequence[float | None], key: str = "reward/mean") -> list[Row]:
    """Return a log row per value of one key; None is not logged."""
    return [{} if value is None else {key: value} for value in values]


def last_values(rows: Iterable[Mapping[str, Any]]) -> Row:
    """Return what W&B's summary would be: the last value of each key."""
    summary: Row = {}
    for row in with_steps(rows):
        summary |= row
    return summary


def with_steps(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the rows with W&B's own ``_step``, where they have none."""
    return [{"_step": number, **row} for number, row in enumerate(rows)]


def write_csv(
    folder: Path,
    run_id: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    summary: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> Path:
    """Write the rows as ``<id>_history.csv``, and the files beside it that are given."""
    folder.mkdir(parents=True, exist_ok=True)
    stepped = with_steps(rows)
    columns = list(dict.fromkeys(key for row in stepped for key in row)) or ["_step"]
    path = folder / f"{run_id}_history.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(row.get(key)) for key in columns] for row in stepped)
    for kind, found in (("summary", summary), ("config", config), ("metadata", metadata or None)):
        if found is not None:
            beside = folder / f"{run_id}_{kind}.json"
            beside.write_text(json.dumps(found), encoding="utf-8")
    return path


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "NaN")
    return value if isinstance(value, str) else repr(value)


def write_json(
    folder: Path,
    run_id: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    summary: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    **info: Any,
) -> Path:
    """Write the rows as an all-in-one export."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}_export.json"
    whole = {
        "run_info": {"id": run_id, **info},
        "config": config or {},
        "summary": summary or {},
        **(more or {}),
        "history": with_steps(rows),
    }
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


class Log:
    """A ``.wandb`` log that grows record by record."""

    HISTORY, SUMMARY, METRIC, RUN, EXIT = 2, 3, 12, 17, 18

    def __init__(self, folder: Path, run_id: str, *, stamp: str = "20250101_000000") -> None:
        self.path = folder / "wandb" / f"offline-run-{stamp}-{run_id}" / f"run-{run_id}.wandb"
        self._records: list[tuple[int, bytes]] = []
        self._steps = 0

    def begin(
        self, run_id: str, config: Mapping[str, Any] | None = None, start: int = 0, **texts: str
    ) -> Log:
        """Add the run's own record."""
        items = [encoder.item([k], json.dumps(v)) for k, v in (config or {}).items()]
        body = encoder.run(
            run_id, start=1_700_000_000 + start, config=encoder.changes(items), **texts
        )
        self._records.append((self.RUN, body))
        return self

    def axis(self, metric: str, step_metric: str) -> Log:
        """Add a ``define_metric``; a metric that ends in ``*`` is a glob."""
        name = encoder.chunk(2 if metric.endswith("*") else 1, metric)
        self._records.append((self.METRIC, name + encoder.chunk(4, step_metric)))
        return self

    def log(self, *rows: Mapping[str, Any]) -> Log:
        """Add history rows."""
        for row in rows:
            whole = {"_step": self._steps, "_runtime": self._steps * 2.5, **row}
            items = [encoder.item([key], json.dumps(value)) for key, value in whole.items()]
            self._records.append((self.HISTORY, encoder.history(items, self._steps)))
            self._steps += 1
        return self

    def summarise(self, summary: Mapping[str, Any]) -> Log:
        """Add a summary record."""
        items = [encoder.item([key], json.dumps(value)) for key, value in summary.items()]
        self._records.append((self.SUMMARY, encoder.changes(items)))
        return self

    def end(self, code: int = 0) -> Log:
        """Add the exit record."""
        self._records.append((self.EXIT, encoder.number(1, code)))
        return self

    def data(self) -> bytes:
        """Return the file's bytes."""
        return encoder.log(encoder.records(self._records))

    def write(self) -> Path:
        """Write all records so far; return the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.data())
        return self.path
