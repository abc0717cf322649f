"""Brings the streams that were asked for beside a run that is stored, and publishes them.

That is a publication of its own, after the run's: whatever happens to a stream, or to the process
while it fetches one, the run itself is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dakota_wh.errors import WarehouseError
from dakota_wh.ingest import derive
from dakota_wh.ingest.pass_through import now, opened
from dakota_wh.ingest.progress import OnProgress, Progress
from dakota_wh.ingest.source import Source
from dakota_wh.ingest.streams.beside import STREAMS, Beside, HasBeside
from dakota_wh.ingest.streams.references import logged_tables
from dakota_wh.ingest.streams.system import write_system
from dakota_wh.ingest.streams.tables import read_tables
from dakota_wh.ingest.wandb_api.failures import ClientEnded
from dakota_wh.ingest.without_keys import clean_files, clean_system
from dakota_wh.warehouse import parts
from dakota_wh.warehouse.run_row import RunRow, as_json_list, publish
from dakota_wh.warehouse.staging import move_in, staging
from dakota_wh.warehouse.streams import (
    FILES,
    TABLES,
    StreamRow,
    sorted_files,
    stored_files,
    stored_streams,
    stored_tables,
    write_rows,
)
from dakota_wh.warehouse.streams import (
    STREAMS as SCHEMA,
)
from dakota_wh.warehouse.sweep import sweep

#: Begins a warning of the run's row that is about a stream.
_MARK: Final = "--{}: "


@dataclass(slots=True)
class Brought:
    """What fetching one stream came to.

    ``keeps`` are tables whose stored parts stay, ``replaces`` those whose do not: the new parts are
    in staging.
    """

    row: StreamRow
    replaces: tuple[str, ...] = ()
    changed: bool = True


@dataclass(slots=True)
class Bringing:
    """One pass over the wanted streams of one run."""

    root: Path
    run: RunRow
    source: Source
    beside: Beside
    staged: Path
    tell: OnProgress
    #: Fetch also what is stored already: the user wants all of it written anew.
    anew: bool = False
    stored: dict[str, StreamRow] = field(default_factory=dict)

    def bring(self, stream: str) -> Brought:
        """Fetch one stream into staging; a failure is told in its row, which keeps what it had."""
        self.tell(Progress(self.run.run_id, stream, 0))
        fetch: dict[str, Callable[[], Brought]] = {
            "system": self._system,
            "files": self._files,
            "tables": self._tables,
        }
        try:
            return fetch[stream]()
        except WarehouseError as error:
            if isinstance(error, ClientEnded):
                raise  # another worker does all of it again
            return self._failed(stream, error)

    def _failed(self, stream: str, error: WarehouseError) -> Brought:
        old = self.stored.get(stream)
        kept = "" if old is None else f"; what was fetched before stays ({old.rows} rows)"
        words = f"could not be fetched: {error.message.rstrip('.')}{kept}"
        row = self._row(stream, "partial", 0 if old is None else old.rows, "no", words)
        if old is not None:
            row = replace(row, sampled=old.sampled, resume=old.resume)
        for table in _TABLES[stream]:
            for path in (self.staged / table).glob("*.parquet"):
                path.unlink()
        return Brought(row, changed=not row.says_the_same(old))

    def _system(self) -> Brought:
        old = self.stored.get("system")
        going = (
            old is not None
            and not self.anew
            and (old.source, old.state) == (self.source.kind, "complete")
        )
        reading = self.beside.system(json.loads(old.resume) if old and going else None)
        reading.values = clean_system(reading.values)
        count = write_system(reading, self.staged / "system")
        before = old.rows if old is not None and reading.goes_on else 0
        held = f"{before + count} values: {reading.evidence}"
        evidence = "; ".join([held, *reading.lost])
        state = "partial" if reading.lost else "complete"
        sampled = "yes" if reading.sampled else "no"
        row = self._row("system", state, before + count, sampled, evidence)
        row = replace(row, resume=json.dumps(reading.resume))
        changed = count > 0 or not row.says_the_same(old)
        if not reading.goes_on and row.says_the_same(old) and not self.anew:
            self._drop_staged("system")
            return Brought(row, changed=False)
        return Brought(row, () if reading.goes_on else ("system",), changed)

    def _files(self) -> Brought:
        old = [] if self.anew else stored_files(self.root, self.run)
        listing = self.beside.files(old)
        found = sorted_files(clean_files(listing.files))
        artifacts = sum(one.kind == "artifact" for one in found)
        evidence = f"{len(found) - artifacts} files and {artifacts} artifacts"
        state = "partial" if listing.lost else "complete"
        row = self._row("files", state, len(found), "no", "; ".join([evidence, *listing.lost]))
        if found == old and not self.anew:
            return Brought(row, changed=not row.says_the_same(self.stored.get("files")))
        write_rows(self.staged / "files", FILES, found)
        return Brought(row, ("files",))

    def _tables(self) -> Brought:
        root, run = self.root, self.run
        with opened(parts.paths_of(root, run, "history")) as history:
            config = parts.stored_config(root, run)
            axis = derive.decide(replace(run), history, config, run.role)
            logged = logged_tables(root, run, history, axis)
        read = read_tables(
            logged,
            stored_tables(root, run),
            parts.paths_of(root, run, "table_rows"),
            self.beside,
            self.staged / "table_rows",
            self.tell,
            run.run_id,
            anew=self.anew,
        )
        state = "complete" if read.complete else "partial"
        row = self._row("tables", state, read.rows, "no", read.evidence())
        if not read.changed:
            self._drop_staged("table_rows")
            return Brought(row, changed=not row.says_the_same(self.stored.get("tables")))
        write_rows(self.staged / "tables", TABLES, read.tables)
        return Brought(row, ("tables",) if read.uses_stored else ("tables", "table_rows"))

    def _drop_staged(self, table: str) -> None:
        for path in (self.staged / table).glob("*.parquet"):
            path.unlink()

    def _row(self, stream: str, state: str, rows: int, sampled: str, evidence: str) -> StreamRow:
        kind, name = self.source.kind, self.source.name
        return StreamRow(stream, state, rows, sampled, evidence, kind, name, now())


_TABLES: Final = {
    "system": ("system",),
    "files": ("files",),
    "tables": ("tables", "table_rows"),
}


def bring(
    root: Path,
    run: RunRow,
    source: Source,
    wanted: Sequence[str],
    tell: OnProgress,
    *,
    anew: bool = False,
) -> tuple[RunRow, tuple[str, ...]]:
    """Fetch streams of a stored run and publish what is new; return the live row and remarks.

    Called under the run's lock. Where nothing is new, nothing is written; with ``anew`` all of it
    is fetched again.

    Raises:
        ClientEnded: W&B's client ended; nothing was changed.
        OSError: a file could not be written; nothing was changed.
    """
    names = [name for name in STREAMS if name in wanted]
    if not names:
        return run, ()
    if not isinstance(source, HasBeside):
        flags = ", ".join(f"--{name}" for name in names)
        return run, (f"{flags}: {source.name} holds none of it, a {source.kind}.",)
    with staging(root, run.run_id) as staged:
        stored = stored_streams(root, run)
        beside = source.beside()
        bringing = Bringing(root, run, source, beside, staged, tell, anew, stored)
        brought = {name: bringing.bring(name) for name in names}
        if any(one.changed for one in brought.values()):
            run = _publish(root, run, stored, brought, staged)
    return run, tuple(_remark(one.row) for one in brought.values())


def _publish(
    root: Path,
    run: RunRow,
    stored: dict[str, StreamRow],
    brought: dict[str, Brought],
    staged: Path,
) -> RunRow:
    rows = {**stored, **{name: one.row for name, one in brought.items() if one.changed}}
    write_rows(staged / "streams", SCHEMA, [rows[name] for name in STREAMS if name in rows])
    replaced = ["streams", *(table for one in brought.values() for table in one.replaces)]
    gone = {i for table in replaced for i in parts.ids_of(parts.paths_of(root, run, table))}
    tables = ("streams", *(table for name in brought for table in _TABLES[name]))
    new = [path for table in tables for path in (staged / table).glob("part-*.parquet")]
    row = replace(
        run,
        parts=sorted({*run.parts} - gone | {*parts.ids_of(new)}),
        warnings=as_json_list(warned(run.warning_list(), rows)),
    )
    try:
        move_in(staged, root, row.role, row.run_id, tables)
        publish(root, row)
    except OSError:
        with suppress(OSError):
            sweep(root, run.run_id, run)  # what was moved in is nobody's, and takes room
        raise
    return row


def warned(warnings: Sequence[str], streams: dict[str, StreamRow]) -> list[str]:
    """Return a run's warnings with one for each stream that is not whole, and no older ones."""
    marks = tuple(_MARK.format(name) for name in STREAMS)
    others = [text for text in warnings if not text.startswith(marks)]
    return [*others, *(_remark(one) for one in streams.values() if one.state != "complete")]


def _remark(row: StreamRow) -> str:
    return f"{_MARK.format(row.stream)}{row.evidence}."
