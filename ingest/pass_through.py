"""One pass of a source into staged parts and the row that will publish them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest import derive, steps
from dakota_wh.ingest.certificate import certify, look
from dakota_wh.ingest.progress import OnProgress, Progress
from dakota_wh.ingest.source import (
    Continuation,
    KeyPath,
    Reading,
    RunFacts,
    Source,
    TooManyKeys,
    check_keys,
)
from dakota_wh.ingest.wandb_api.verdict import certify_service
from dakota_wh.ingest.without_keys import keyless, take_keys_out
from dakota_wh.warehouse import heap, parts, run_row, small_parts
from dakota_wh.warehouse.entries import to_json
from dakota_wh.warehouse.history import HistoryWriter, StoredHistory
from dakota_wh.warehouse.layout import PART_TABLES
from dakota_wh.warehouse.run_row import RunRow

#: Tables whose stored parts stay when rows are only added behind them.
_GROWING: Final = ("history", "metrics", "timed", "steps")


@dataclass(frozen=True, slots=True)
class Told:
    """What the user says about the run, instead of the source or where it is silent."""

    run_id: str
    role: str | None = None
    entity: str | None = None
    project: str | None = None


@dataclass(slots=True)
class Passed:
    """What a pass made: the row to publish, and how many of its log rows are new."""

    row: RunRow
    new_rows: int
    axis: steps.StepAxis
    #: What the stored run was read from and this source does not have.
    missing: tuple[str, ...] = ()
    #: The role that the whole run now has, where new rows were added under the one it had.
    moves_to: str | None = None


def take(
    root: Path,
    told: Told,
    live: RunRow | None,
    source: Source,
    reading: Reading,
    staged: Path,
    on_progress: OnProgress,
) -> Passed:
    """Read a source to its end into ``staged`` and return the row that publishes it.

    ``live`` is the stored run that a reading goes on from, None where it reads the whole.
    """
    reading = keyless(reading)
    if reading.continuation is not Continuation.APPEND:
        live = None
    stored = parts.paths_of(root, live, "history") if live is not None else []
    try:
        writer = _write_history(reading, told.run_id, staged, stored, live, on_progress)
        facts = reading.facts()
    except TooManyKeys as error:
        raise TooManyKeys(f"Run {told.run_id}") from error
    on_progress(Progress(told.run_id, "metrics", writer.rows, writer.rows))
    heap.give_back()
    row = _new_row(told, source, facts)
    with opened([*stored, *writer.written]) as history:
        axis = derive.decide(row, history, facts.config, told.role or facts.role)
        moves_to = _stay(row, live)
        grew = live is not None and _grow(root, row, live, writer, history, axis, staged)
        if not grew:
            derive.build_whole(row, history, axis, lambda table: staged / table)
        _certify(row, source, facts, history)
    parts.write_entries(staged / "summary", facts.summary)
    parts.write_entries(staged / "config", facts.config)
    take_keys_out(row)
    row.parts = _named_parts(root, live, staged, grew)
    return Passed(row, writer.rows, axis, facts.missing, moves_to)


def _stay(row: RunRow, live: RunRow | None) -> str | None:
    """Keep a growing run under the role that its stored parts lie under; return another it has."""
    if live is None or live.role == row.role:
        return None
    moves_to, row.role = row.role, live.role
    row.meaning = ""  # out of date until it has moved: were we killed before, the next ingest does
    return moves_to


@contextmanager
def opened(paths: list[Path]) -> Iterator[StoredHistory]:
    """Open history parts as one history and close them at the end."""
    with closing(StoredHistory(paths)) as history:
        yield history


def _write_history(
    reading: Reading,
    run_id: str,
    staged: Path,
    stored: list[Path],
    live: RunRow | None,
    on_progress: OnProgress,
) -> HistoryWriter:
    writer = HistoryWriter(staged / "history", first_row=live.rows if live else 0)
    keys: set[KeyPath] = set()
    if stored:
        with opened(stored) as history:
            writer.names.learn(history.schemas)
            keys.update(history.keys())
    for batch in reading.rows():
        keys.update(batch.columns)
        check_keys(len(keys))
        writer.add(batch.count, batch.columns, batch.segment)
        del batch  # of many keys the cells as read take as much as what is written of them
        on_progress(Progress(run_id, "reading", writer.rows))
    writer.flush()
    return writer


def _grow(
    root: Path,
    row: RunRow,
    live: RunRow,
    writer: HistoryWriter,
    whole: StoredHistory,
    axis: steps.StepAxis,
    staged: Path,
) -> bool:
    """Add the new rows' metrics behind the stored ones; return False where that is not exact."""
    if not derive.comes_after(axis, live):
        return False
    earlier, metrics = parts.stored_series(root, live), parts.paths_of(root, live, "metrics")
    with opened(writer.written) as added:
        derive.build_behind(
            row, live, earlier, metrics, added, whole, axis, lambda table: staged / table
        )
    return True


def _new_row(told: Told, source: Source, facts: RunFacts) -> RunRow:
    return RunRow(
        run_id=told.run_id,
        role="unknown",
        entity=facts.entity or source.entity or told.entity,
        project=facts.project or source.project or told.project,
        name=facts.name,
        run_group=facts.group,
        job_type=facts.job_type,
        notes=facts.notes,
        tags=run_row.as_json_list(facts.tags),
        sweep_id=facts.sweep_id,
        url=facts.url,
        state=facts.state,
        created_at=naive_utc(facts.created_at),
        source=source.kind,
        source_name=source.name,
        lost_records=facts.lost_records,
        lossy=run_row.as_json_list(facts.lossy),
        warnings=run_row.as_json_list(facts.warnings),
        step_metrics=derive.write_step_metrics(facts.step_metrics),
        ingested_at=now(),
        dakota_wh=program_version(),
        resume=to_json(facts.resume),
    )


def now() -> datetime:
    """Return the present moment as the runs row stores it."""
    return datetime.now(UTC).replace(tzinfo=None)


def naive_utc(moment: datetime | None) -> datetime | None:
    """Return an aware moment as UTC without a zone, as the runs row stores it."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


@cache
def program_version() -> str:
    """Return this package's version; asked once, since looking it up reads the installation."""
    try:
        return version("dakota-wh")
    except PackageNotFoundError:
        return "unknown"


def _certify(row: RunRow, source: Source, facts: RunFacts, history: StoredHistory) -> None:
    seen = look(history, facts.summary, facts.key_counts)
    others = source.kind.endswith("-export") and facts.stated is None
    if seen.rows and seen.last is None and others:
        raise SourceProblem(
            f"{source.name} is no history of a run: no row has a whole number in _step.",
            hint="Export it again with W&B's own _step column.",
        )
    served = source.kind == "wandb-api"
    found = certify_service(facts, seen) if served else certify(facts, source.kind, seen)
    row.rows = history.rows
    row.completeness, row.evidence = found.verdict, found.evidence
    row.sampled, row.expected_rows = found.sampled, found.expected_rows
    row.segments = history.segment_count()
    first, began = history.first_number(("_timestamp",)), history.first_number(("_runtime",))
    row.started_at = None if first is None else first - (began or 0.0)
    row.ended_at = history.last_number(("_timestamp",))


def _named_parts(root: Path, live: RunRow | None, staged: Path, grew: bool) -> list[int]:
    """Return the ids of all parts that the new row names: the stored ones that stay, and new.

    Of those that stay the small ones are joined where they are many.
    """
    kept: list[Path] = []
    if live is not None:
        for table in _GROWING if grew else ("history",):
            stored = parts.paths_of(root, live, table)
            joined = small_parts.join(table, stored, staged / table)
            kept += [path for path in stored if path not in joined]
    new = [path for table in PART_TABLES for path in (staged / table).glob("part-*.parquet")]
    return sorted(parts.ids_of([*kept, *new]))
