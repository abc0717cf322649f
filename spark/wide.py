"""``history`` and ``table_rows``: a column per key, which only the files themselves can tell.

The columns are those of the live files, in the order in which DuckDB unites them, names that differ
in case taken together. A key may be BIGINT in one file and DOUBLE in another, or ``Loss`` in one
and ``loss`` in another. Spark reads a column with one type, and by one spelling where a session
sees case, so the files are read in groups that are alike in both, each cast to the widest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.errors import NotAWarehouse, WarehouseError
from dakota_wh.spark.tables import PARTITIONS, files_of, files_view
from dakota_wh.spark.text import SPARK_TYPES, name, pattern
from dakota_wh.warehouse.layout import part_id, run_folders, schema_file, stored_run_ids
from dakota_wh.warehouse.run_row import newest

#: Tables whose columns depend on the data.
WIDE: Final = ("history", "table_rows")
#: From narrow to wide; what is wider holds what is narrower.
_WIDTH: Final = (pa.bool_(), pa.int64(), pa.float64(), pa.string())
#: Footers read at once; each is a small read that waits more than it computes.
_READERS: Final = 8

#: What ``org.apache.hadoop.conf.Configuration`` puts the value of a setting in the place of.
_SETTING: Final = re.compile(r"\$\{[^}$ ]+\}")

Footers = Mapping[Path, pa.Schema]


def wide_files(root: Path, table: str, runs: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield the relations that make ``files_<table>`` of a table of many columns, with statements.

    Raises:
        NotAWarehouse: a file cannot be read.
        WarehouseError: Spark would take two columns for one.
    """
    relation, folder = f"files_{table}", root / table
    if not folder.is_dir():
        yield relation, files_of(root, table)
        return
    footers = _footers(_files(root, table, runs))
    columns = _columns(footers[path] for path in _live(root, footers, runs))
    groups = _groups(columns, footers)
    if len(groups) == 1 and not runs:
        fields = [*columns.values(), *PARTITIONS]
        yield relation, files_view(relation, fields, pattern(folder))
        return
    arms = []
    for number, (types, paths) in enumerate(groups.items(), 1):
        own = {**columns, **types}
        # A pattern of one would be a file, whose folders are no partitions.
        inside = [path.relative_to(folder).as_posix() for path in paths]
        place = f"{pattern(folder)}/{{{','.join([*inside, inside[0]])}}}"
        fields = [*own.values(), *PARTITIONS]
        yield f"{relation}_{number}", files_view(f"{relation}_{number}", fields, place, base=folder)
        cells = [
            *(_as(own[key], columns[key]) for key in columns),
            *(name(f.name) for f in PARTITIONS),
        ]
        arms.append(f"SELECT {', '.join(cells)} FROM {name(f'{relation}_{number}')}")
    union = "\nUNION ALL\n".join(arms)
    yield relation, f"CREATE OR REPLACE TEMPORARY VIEW {name(relation)} AS\n{union}"


def _as(stored: pa.Field, wanted: pa.Field) -> str:
    if stored.type != wanted.type:
        return f"CAST({name(stored.name)} AS {SPARK_TYPES[wanted.type]}) AS {name(wanted.name)}"
    if stored.name != wanted.name:
        return f"{name(stored.name)} AS {name(wanted.name)}"
    return name(wanted.name)


def _files(root: Path, table: str, runs: Sequence[str]) -> list[Path]:
    """Return the files of some runs or of all, in the order in which DuckDB lists them."""
    if not runs:
        return sorted((root / table).glob("*/*/*.parquet"))
    folders = [folder for run in runs for folder in run_folders(root, table, run)]
    found = [path for folder in folders for path in sorted(folder.glob("*.parquet"))]
    return [*found, schema_file(root, table)]


def _footers(paths: Iterable[Path]) -> Footers:
    def read(path: Path) -> tuple[Path, pa.Schema] | None:
        try:
            return path, pq.read_schema(path)
        except FileNotFoundError:  # swept meanwhile: no row named it any more
            return None
        except (pa.ArrowException, OSError) as error:
            raise NotAWarehouse(
                f"{path} cannot be read: {str(error).splitlines()[0]}",
                hint="dakota-wh remove RUN, then ingest it again.",
            ) from error

    with ThreadPoolExecutor(_READERS) as pool:
        return dict(found for found in pool.map(read, paths) if found is not None)


def _live(root: Path, footers: Footers, runs: Sequence[str]) -> Iterator[Path]:
    """Yield the files that a run's newest row names, and the one that gives a table its columns."""
    live = {
        part
        for run in runs or stored_run_ids(root)
        if (row := newest(root, run)) is not None
        for part in row.parts
    }
    for path in footers:
        try:
            counts = part_id(path) in live
        except ValueError:
            counts = path.name == "part-schema.parquet"
        if counts:
            yield path


def _columns(schemas: Iterable[pa.Schema]) -> dict[str, pa.Field]:
    """Return the columns of all files united by name, by the name in lower case."""
    united: dict[str, pa.Field] = {}
    for schema in schemas:
        for field in schema:
            known = united.get(field.name.lower())
            kinds = [field.type] if known is None else [known.type, field.type]
            title = field.name if known is None else known.name
            united[field.name.lower()] = pa.field(title, max(kinds, key=_WIDTH.index))
    _refuse([field.name for field in united.values()])
    return united


def _refuse(names: Iterable[str]) -> None:
    """Raise where Spark does not tell two names apart that are two here: ``S`` and ``ſ``.

    It compares them as ``java.lang.String.equalsIgnoreCase`` does, sign by sign. And where Hadoop,
    through whose settings the names go to the reader, would put another text in the place of one.
    """
    known: dict[str, str] = {}
    for one in names:
        if _SETTING.search(one):
            raise WarehouseError(
                f"The logged key {one!r} is no name to Spark: Hadoop takes ${{…}} for a setting.",
                hint="Ask DuckDB for history, or Spark for the other views only.",
            )
        alike = "".join(sign.upper()[:1].lower()[:1] or sign for sign in one)
        if known.setdefault(alike, one) != one:
            raise WarehouseError(
                f"The logged keys {known[alike]!r} and {one!r} are one name to Spark.",
                hint="Ask DuckDB for history, or Spark for the other views only.",
            )


def _groups(columns: Mapping[str, pa.Field], footers: Footers) -> dict[_Own, list[Path]]:
    """Return the files by what they hold otherwise than the column that is made of it.

    Files that no row names any more are among them: the statement that reads them leaves them out,
    and until then they must be readable with the columns of the others.
    """
    groups: dict[_Own, list[Path]] = {}
    for path, schema in footers.items():
        others = {
            field.name.lower(): pa.field(field.name, field.type)
            for field in schema
            if (united := columns.get(field.name.lower())) is not None
            and (field.name, field.type) != (united.name, united.type)
        }
        groups.setdefault(_Own(others), []).append(path)
    return groups


class _Own(dict[str, pa.Field]):
    """Fields by column, as a key of a dict; never changed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset((field.name, field.type) for field in self.values()))
