"""A connection of our own: in memory, the views laid over the Parquet, nothing else in reach.

``warehouse.duckdb`` is not opened. The connection reads below the warehouse's folder only, loads
no extension, and its settings are locked.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from dakota_wh.errors import NotAWarehouse
from dakota_wh.warehouse.layout import SCHEMA_PARTITION
from dakota_wh.warehouse.quoting import literal
from dakota_wh.warehouse.relations import FilesOf, create_statements, files_under

T = TypeVar("T")

#: A reader that began before a run was published twice may find a file gone; then it starts over.
_TRIES: Final = 6
_FIRST_PAUSE: Final = 0.02


def check_is_warehouse(root: Path) -> None:
    """Raise unless the folder holds a warehouse.

    Raises:
        NotAWarehouse: it does not exist, is a file, or holds something else.
    """
    if (root / "runs" / f"role={SCHEMA_PARTITION}").is_dir():
        return
    if not root.exists():
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
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory connection that has the named relations over the warehouse at ``root``.

    Raises:
        NotAWarehouse: there is no warehouse, or a table of it cannot be read.
    """
    root = root.absolute()
    check_is_warehouse(root)
    connection = duckdb.connect(":memory:")
    try:
        _restrict(connection, root, memory_limit)
        for statement in create_statements(relations, files or files_under(root)):
            retrying(lambda text=statement: connection.execute(text))  # type: ignore[misc]
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        connection.close()
        raise NotAWarehouse(
            f"The warehouse {root} cannot be read: {first_line(error)}",
            hint="Try: dakota-wh rebuild",
        ) from error
    return connection


def _restrict(connection: duckdb.DuckDBPyConnection, root: Path, memory_limit: str | None) -> None:
    spill = Path(tempfile.gettempdir()) / "dakota-wh-spill"
    connection.execute(f"SET temp_directory = {literal(spill.as_posix())}")
    if memory_limit:
        connection.execute(f"SET memory_limit = {literal(memory_limit)}")
    connection.execute(f"SET allowed_directories = [{literal(root.as_posix() + '/')}]")
    for setting in (
        "enable_external_access",
        "autoinstall_known_extensions",
        "autoload_known_extensions",
    ):
        connection.execute(f"SET {setting} = false")


def retrying(work: Callable[[], T]) -> T:
    """Do a read again when a file vanished under it; other errors pass at once."""
    pause = _FIRST_PAUSE
    for _ in range(_TRIES - 1):
        try:
            return work()
        except duckdb.IOException:
            time.sleep(pause)
            pause *= 2
    return work()


def first_line(error: Exception) -> str:
    """Return an engine's message without its stack or its hints of several lines."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
