"""A connection of our own: in memory, the views laid over the Parquet, nothing else in reach.

``warehouse.duckdb`` is not opened. The connection reads below the warehouse's folder only, loads
no extension, and its settings are locked.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from dakota_wh.errors import BadQuery, NotAWarehouse, StoredByNewer, UsageProblem, WarehouseError
from dakota_wh.warehouse.access import blamed_on_access, must_be_listable, not_readable
from dakota_wh.warehouse.laying import lay
from dakota_wh.warehouse.layout import (
    LAYOUT_VERSION,
    SCHEMA_PARTITION,
    STATE_FOLDER,
    TABLES,
    decode_run_id,
    has_files,
    mends_part,
    missing_tables,
)
from dakota_wh.warehouse.live_files import PartGone, live_files
from dakota_wh.warehouse.origin import mirror_in
from dakota_wh.warehouse.quoting import glob_literal, literal
from dakota_wh.warehouse.relations import (
    STORED_RUNS,
    FilesOf,
    create_statements,
    files_under,
    tables_of,
)
from dakota_wh.warehouse.spill import new_folder

T = TypeVar("T")

#: A reader that began before a run was published twice may find a file gone; then it starts over.
_TRIES: Final = 12
#: Where a part is gone that its row still names, hardly anybody is publishing.
_TRIES_OF_GONE: Final = 6
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.1
#: The table and the run of a file that an engine's error names.
_PART: Final = re.compile(r"/(\w+)/role=\w+/run_id=([a-z0-9_%A-F-]+)/\w+-[0-9a-f-]+\.parquet")
#: What to type where the memory limit does not do.
GIVE_MEMORY: Final = "Give it more: --memory-limit SIZE, memory_limit= in Python"
#: Log rows up to which one thread reads; see _add_in_one_order.
_ONE_THREAD_ROWS: Final = 200_000


def check_is_warehouse(root: Path) -> None:
    """Raise unless the folder holds a warehouse.

    Raises:
        NotAWarehouse: it does not exist, is a file, or holds something else.
        NotReadable: it may not or cannot be looked into.
    """
    try:
        if (root / "runs" / f"role={SCHEMA_PARTITION}").is_dir() and has_files(root, "runs"):
            must_be_listable(root, ["runs"])
            return
        there = root.exists()
    except OSError as error:
        raise not_readable(root / "runs", error) from error
    if not there:
        what = f"There is no warehouse at {root}."
    elif not root.is_dir():
        what = f"{root} is a file, not a warehouse folder."
    else:
        what = f"{root} is no warehouse: it has no runs/ of ours."
    raise NotAWarehouse(what, hint="Ingest a run first (dakota-wh ingest …), or give --warehouse.")


def connect(
    root: Path,
    relations: Iterable[str],
    *,
    files: FilesOf | None = None,
    memory_limit: str | None = None,
    filtered: bool = True,
    joins: bool = True,
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory connection that has the named relations over the warehouse at ``root``.

    Args:
        root: the warehouse's folder.
        relations: their names, plain or with a version.
        files: the files of each table, by default all of them.
        memory_limit: as DuckDB writes sizes.
        filtered: whether it may be asked for the rows of some runs or roles; else they are planned
            faster.
        joins: whether it may be asked to join anything; else a wide history is planned faster.

    Raises:
        NotAWarehouse: there is no warehouse, or a table of it cannot be read.
        StoredByNewer: a run of it is of a layout that this program does not know.
        BadQuery: the memory limit does not even do for that.
        UsageProblem: it is no size.
    """
    root = root.absolute()
    check_is_warehouse(root)
    connection = duckdb.connect(":memory:")
    wanted = list(relations)
    everywhere = files or files_under(root)
    try:
        _restrict(connection, root, memory_limit)
        lacking = _lacking(root)
        tables = tables_of(wanted)

        def lay_all() -> None:
            live = live_files(connection, tables, everywhere, root)
            bodies = {**lacking, **live.bodies}
            laid = create_statements(
                wanted, live.files, bodies, rows_are_there=True, filtered=filtered
            )
            lay(connection.execute, laid)

        retrying(lay_all)
        _refuse_newer(connection)
        _add_in_one_order(connection)
        if not joins and tables == ["history"]:
            # DuckDB 2.0 looks at every column of a SELECT * for an order of joins, before it drops
            # those that nobody asks for: 1 s of the 1.2 s that it plans 5000 columns.
            connection.execute("SET disabled_optimizers = 'join_order'")
        connection.execute("SET lock_configuration = true")
    except WarehouseError:  # of a mirror's origin, or of the memory limit
        connection.close()
        raise
    except duckdb.Error as error:
        connection.close()
        if memory_limit and isinstance(error, duckdb.OutOfMemoryException):
            raise BadQuery(
                f"The warehouse {root} cannot be read in {memory_limit} of memory.",
                hint=GIVE_MEMORY,
            ) from error
        raise unreadable(root, error) from error
    return connection


def _refuse_newer(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute(
        f"SELECT run_id, layout FROM {STORED_RUNS} WHERE layout > {LAYOUT_VERSION} LIMIT 1"
    ).fetchone()
    if row is not None:
        raise StoredByNewer(*row)


def unreadable(root: Path, error: duckdb.Error) -> NotAWarehouse:
    """Return the error of a warehouse of which a file cannot be read."""
    closed = blamed_on_access(error)
    if closed is not None:
        return closed
    return NotAWarehouse(
        f"The warehouse {root} cannot be read: {first_line(error)}", hint=what_mends(error)
    )


def blames_a_file(error: duckdb.Error) -> bool:
    """Return whether an engine's error is about a file, and not about what was asked."""
    # Of a page that it cannot parse DuckDB names neither the file nor a kind of error.
    bare = type(error) is duckdb.Error
    return bare or isinstance(error, duckdb.IOException) or bool(_PART.search(str(error)))


def what_mends(error: duckdb.Error) -> str:
    """Return what to type where a file cannot be read, or memory does not do."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return GIVE_MEMORY
    if isinstance(error, PartGone):
        return error.hint
    closed = blamed_on_access(error)
    if closed is not None:
        return closed.hint
    mirror = mirror_in(str(error))
    if mirror is not None:  # what the store has is another matter
        return f"It is a cache, which can be deleted: rm -r {shlex.quote(str(mirror))}"
    if SCHEMA_PARTITION in str(error):
        return "That file holds no rows; dakota-wh rebuild makes it anew."
    named = _PART.search(str(error))
    if named is not None:
        return mends_part(named[1], decode_run_id(named[2]))
    return "If a file is damaged, this says which: dakota-wh doctor"


def _add_in_one_order(connection: duckdb.DuckDBPyConnection) -> None:
    """Let small warehouses be read by one thread, so that an average asked twice is the same twice.

    Sums of floats depend on the order of their terms in the last bits, and threads race. What is
    small takes no longer with one; what is large gets all of them, and its last bits may differ.
    """
    row = connection.execute(f"SELECT coalesce(sum(rows), 0) FROM {STORED_RUNS}").fetchone()
    if row is not None and row[0] <= _ONE_THREAD_ROWS:
        connection.execute("SET threads = 1")


def _lacking(root: Path) -> dict[str, str]:
    """Return a SELECT of no rows for each stored relation that the warehouse has no folder for.

    Those tables came with a later version of this program; the next ingest makes their folders.
    """
    missing = missing_tables(root)
    if not missing:
        return {}
    from dakota_wh.warehouse.folder import empty_select  # imports pyarrow

    return {f"stored_{table}": empty_select(table) for table in missing}


def _restrict(connection: duckdb.DuckDBPyConnection, root: Path, memory_limit: str | None) -> None:
    spill = new_folder()
    connection.execute(f"SET temp_directory = {literal(spill.as_posix() if spill else '')}")
    if memory_limit is not None:
        _limit_memory(connection, memory_limit)
    # Not the root itself: a warehouse may lie in a project's folder, beside its .env. DuckDB
    # compares a pattern with these before it expands it, so both spellings are the root's.
    spellings = dict.fromkeys((root.as_posix(), glob_literal(root.as_posix())))
    below = (*TABLES, f"{STATE_FOLDER}/gathered")
    allowed = ", ".join(literal(f"{root_}/{name}/") for root_ in spellings for name in below)
    connection.execute(f"SET allowed_directories = [{allowed}]")
    for setting in (
        "enable_external_access",
        "autoinstall_known_extensions",
        "autoload_known_extensions",
    ):
        connection.execute(f"SET {setting} = false")


def _limit_memory(connection: duckdb.DuckDBPyConnection, limit: str) -> None:
    text = str(limit).strip()
    hint = "Give a size like 500MB or 4GB: --memory-limit SIZE, memory_limit= in Python"
    if not text[:1].isdigit():  # "-1" would be no limit
        raise UsageProblem(f"{limit!r} cannot be a memory limit: it is no size.", hint=hint)
    try:
        connection.execute(f"SET memory_limit = {literal(text)}")
    except duckdb.Error as error:
        raise UsageProblem(
            f"{limit!r} cannot be a memory limit: {first_line(error)}", hint=hint
        ) from error


def retrying(work: Callable[[], T]) -> T:
    """Do a read again when a file vanished under it; other errors pass at once."""
    pause = _FIRST_PAUSE
    for number in range(1, _TRIES):
        try:
            return work()
        except duckdb.IOException as error:
            if isinstance(error, PartGone) and number >= _TRIES_OF_GONE:
                raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    return work()


def first_line(error: Exception) -> str:
    """Return an engine's message without its stack or its hints of several lines."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
