"""The tables that a run logged: found in its history, their files read, their rows stored.

A table whose file is stored already, the same by path, size and SHA-256, is not read again. One
that cannot be read has a state that says why, and is tried again by the next ingest that asks.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

import pyarrow as pa

from dakota_wh.ingest.progress import OnProgress, Progress
from dakota_wh.ingest.streams.beside import Beside, Fetched, Wanted, is_safe
from dakota_wh.ingest.streams.table_text import MalformedError, TableText
from dakota_wh.ingest.without_keys import clean_table
from dakota_wh.warehouse.column_names import ColumnNames, KeyPath
from dakota_wh.warehouse.history import new_part_id
from dakota_wh.warehouse.streams import LoggedTable
from dakota_wh.warehouse.table_rows import TableRowsWriter, names_of

#: Rows that are turned into columns at once; fewer where they are long.
_ROWS: Final = 4096
_CHARACTERS: Final = 8 * 1024 * 1024

#: States in which all of what W&B's file holds is here.
WHOLE: Final = ("stored", "empty")


@dataclass(frozen=True, slots=True)
class Read:
    """What became of the logged tables; ``changed`` is false where all is stored as it was."""

    tables: list[LoggedTable]
    changed: bool
    #: Whether rows are needed that an earlier ingest stored.
    uses_stored: bool = True

    @property
    def rows(self) -> int:
        """How many rows of all tables are stored."""
        return sum(one.rows or 0 for one in self.tables)

    @property
    def complete(self) -> bool:
        """Whether every table is stored whole."""
        return all(one.state in WHOLE for one in self.tables)

    def evidence(self) -> str:
        """Return the counts in words, and what is wrong with the first that is not whole."""
        states = Counter(one.state for one in self.tables)
        whole = sum(states.pop(state, 0) for state in WHOLE)
        logged = f"{len(self.tables)} table{'s' * (len(self.tables) != 1)} logged"
        text = f"{logged}, {whole} of them stored whole ({self.rows} rows)"
        for state in sorted(states):
            first = next(one for one in self.tables if one.state == state)
            at = "" if first.step is None else f" at step {first.step}"
            text += f"; {states[state]} {state}, such as {first.key}{at}: {first.why}"
        return text


def read_tables(
    logged: Sequence[LoggedTable],
    stored: Sequence[LoggedTable],
    stored_parts: Sequence[Path],
    beside: Beside,
    folder: Path,
    tell: OnProgress,
    run_id: str,
    *,
    anew: bool = False,
) -> Read:
    """Read the tables that are not stored yet into parts in ``folder``.

    Args:
        logged: all tables that the run logged, sorted by key.
        stored: those of an earlier ingest.
        stored_parts: the parts of ``table_rows`` that it wrote.
        beside: where the files are.
        folder: where new parts go.
        tell: hears how many rows there are by now.
        run_id: the run, for that.
        anew: read also what is stored; it stays where its file cannot be had any more.
    """
    known = {_file(one): one for one in stored if one.state in (*WHOLE, "cut") and one.sha256}
    done: dict[int, LoggedTable] = {}
    to_read: list[int] = []
    for number, table in enumerate(logged):
        settled = _settled(table, known)
        if settled is None or (anew and settled.content is not None):
            to_read.append(number)
        else:
            done[number] = settled
    names = names_of(stored_parts) if to_read else ColumnNames()
    count = sum(one.rows or 0 for one in done.values())
    for _, numbers in groupby(to_read, key=lambda number: logged[number].key):
        these = list(numbers)
        writer = TableRowsWriter(folder, names, these[0])
        with closing(beside.tables([_wanted(logged[number]) for number in these])) as files:
            for number, fetched in zip(these, files, strict=True):
                read = _read(logged[number], fetched, writer)
                settled = _settled(logged[number], known) if fetched.path is None else None
                done[number] = settled or read
                count += done[number].rows or 0
                tell(Progress(run_id, "tables", count))
        writer.flush()
    tables = [done[number] for number in range(len(logged))]
    earlier = {one.content for one in stored if one.content is not None}
    used = any(one.content in earlier for one in tables)
    return Read(tables, tables != list(stored), used)


def _file(table: LoggedTable) -> tuple[str | None, str | None, int | None]:
    return table.path, table.sha256, table.size


def _wanted(table: LoggedTable) -> Wanted:
    return Wanted(table.path or "", table.segment, table.sha256, table.size)


def _settled(
    table: LoggedTable, known: dict[tuple[str | None, str | None, int | None], LoggedTable]
) -> LoggedTable | None:
    """Return a table that needs no reading; None for one that does."""
    if table.path is None:
        why = "only an artifact holds it, W&B keeps no file of it in the run"
        return replace(table, state="artifact", why=why)
    if not is_safe(table.path):
        why = "its path leaves the run's folder: no file of the run"
        return replace(table, state="refused", why=why)
    same = known.get(_file(table))
    if same is None:
        return None
    found = replace(table, rows=same.rows, columns=same.columns, content=same.content)
    return _judged(found)


def _read(table: LoggedTable, fetched: Fetched, writer: TableRowsWriter) -> LoggedTable:
    if fetched.path is None:
        return replace(table, state=fetched.state, why=fetched.why)
    try:
        if table.sha256 and (fetched.sha256 or _sha256(fetched.path)) != table.sha256:
            why = "its file is not what was logged (another SHA-256)"
            return replace(table, state="damaged", why=why)
        content = new_part_id()
        with TableText(fetched.path) as text:
            found = text.columns()
            columns, cells = clean_table(found, text.rows(len(found)))
            rows = _store(cells, columns, content, writer)
    except MalformedError as error:
        return replace(table, state="malformed", why=f"its file is no table: {error}")
    except OSError as error:
        why = f"its file cannot be read: {error.strerror or type(error).__name__}"
        return replace(table, state="missing", why=why)
    return _judged(
        replace(table, rows=rows, columns=len(columns), content=content if rows else None)
    )


def _judged(table: LoggedTable) -> LoggedTable:
    """Say whether what was read is all that was logged; an increment does not tell its own rows."""
    rows, logged = table.rows or 0, table.logged_rows
    if table.kind == "table-file" and logged is not None and rows < logged:
        why = f"W&B's file holds {rows} of the {logged} rows; the others are in its artifact only"
        return replace(table, state="cut", why=why)
    return replace(table, state="stored" if rows else "empty", why=None)


def _store(
    rows: Iterable[list[str]], columns: Sequence[str], content: int, writer: TableRowsWriter
) -> int:
    first = 0
    for batch in _batches(rows):
        cells = zip(*batch, strict=True) if columns else ()
        tokens: dict[KeyPath, pa.Array] = {
            (name,): pa.array(column, pa.string())
            for name, column in zip(columns, cells, strict=True)
        }
        writer.add(content, first, len(batch), tokens)
        first += len(batch)
    return first


def _batches(rows: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(map(len, row))
        if len(batch) >= _ROWS or size >= _CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
