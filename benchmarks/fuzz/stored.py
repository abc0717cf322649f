"""The whole way: a source of any kind into a warehouse, and the warehouse examined afterwards.

Every ingest must end with a stored run or an error in words; then every view answers, every file is
what its row says, and nothing lies outside the warehouse.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks.fuzz import files, seeds, service
from benchmarks.fuzz.files import Several
from benchmarks.fuzz.parquets import ParquetForm
from benchmarks.fuzz.target import Bend, Form, must
from benchmarks.fuzz.texts import TextForm
from benchmarks.fuzz.wire import LogForm
from dakota_wh.errors import WarehouseError
from dakota_wh.ingest.landed import Action, Landed
from dakota_wh.ingest.landing import Options, land
from dakota_wh.ingest.recognise import recognise
from dakota_wh.ingest.source import Source
from dakota_wh.ingest.wandb_api.api_run import ApiRun
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.warehouse import folder as warehouse_folder
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.integrity import examine

_TEXTS: Final = Several([TextForm()])
#: The first byte of an input says what it is.
_FORMS: Final[dict[bytes, Form]] = {
    b"L": LogForm(),
    b"C": _TEXTS,
    b"J": _TEXTS,
    b"P": Several([ParquetForm(), TextForm()]),
    b"S": _TEXTS,
}
_SUFFIXES: Final = {b"C": ".csv", b"J": ".json", b"P": ".parquet"}
_VIEWS: Final = ("runs", "history", "metrics", "summary", "config", "series", "steps")
#: To ask all views takes longer than to ingest: every so many inputs.
_MORE: Final = (
    "timed_metrics", "metric_stats", "metric_trends", "metric_health", "reward_components",
    "reward_milestones", "run_pairs", "system_metrics", "files", "streams", "tables", "table_rows",
)  # fmt: skip
_EVERY: Final = 16


def stored_seeds() -> list[bytes]:
    """Return first inputs of all kinds."""
    kinds: dict[bytes, Callable[[], list[bytes]]] = {
        b"L": seeds.logs,
        b"C": files.csv_seeds,
        b"J": files.json_seeds,
        b"P": files.parquet_seeds,
        b"S": service.service_seeds,
    }
    return [kind + data for kind, make in kinds.items() for data in make()]


def stored_sdk_seeds() -> list[bytes]:
    """Return logs of W&B's own client."""
    return [b"L" + data for data in seeds.sdk_logs()]


class StoredForm:
    """Inputs of several kinds, each bent as its kind is."""

    def mutate(self, data: bytes, other: bytes, rng: Random, bend: Bend) -> bytes:
        """Return an input of the same kind."""
        form = _FORMS.get(data[:1])
        if form is None:
            return other
        more = other[1:] if other[:1] == data[:1] else data[1:]
        return data[:1] + form.mutate(data[1:], more, rng, bend)

    def smaller(self, data: bytes, rng: Random) -> bytes:
        """Return a smaller input of the same kind."""
        form = _FORMS.get(data[:1])
        return data if form is None else data[:1] + form.smaller(data[1:], rng)


class StoredTarget:
    """Ingests into a warehouse of its own, which is examined."""

    def __init__(self, folder: Path) -> None:
        self._place = folder / "stored"
        self._empty = folder / "empty"

    def __call__(self, data: bytes) -> None:
        """Do one try."""
        if data[:1] not in _FORMS:
            return
        if not self._empty.exists():
            warehouse_folder.create(self._empty)
        shutil.rmtree(self._place, ignore_errors=True)
        root = self._place / "inside" / "warehouse"
        shutil.copytree(self._empty, root)
        streams = () if data[:1] in _SUFFIXES else ("system", "files", "tables")
        landed = [self._land(root, source, streams) for source in self._sources(data)]
        more = _MORE if zlib.crc32(data) % _EVERY == 0 else ()
        _examine(root, {one.run_id: one for one in landed if one is not None}, (*_VIEWS, *more))
        outside = {path.name for path in self._place.iterdir()} - {"inside", "source"}
        inside = {path.name for path in root.parent.iterdir()} - {"warehouse"}
        must(not outside and not inside, f"files outside: {outside | inside}")

    def _sources(self, data: bytes) -> list[Source]:
        source = self._place / "source"
        kind, content = data[:1], data[1:]
        if kind == b"S":
            source.mkdir()
            client: Any = service.HeldClient(content)
            return [ApiRun(client, RunAddress("r", "p", "e"), source)]
        if kind == b"L":
            path = source / "run-fuzzed.wandb"
            table = source / "files" / str(seeds.TABLE["path"])
            table.parent.mkdir(parents=True)
            table.write_bytes(seeds.TABLE_FILE)
            path.write_bytes(content)
        else:
            path = files.place(content, source, _SUFFIXES[kind])
        try:
            return recognise(str(path))
        except WarehouseError as error:
            must(bool(error.message and error.hint), "an error without words")
            return []

    def _land(self, root: Path, source: Source, streams: tuple[str, ...]) -> Landed | None:
        landed = land(root, source, Options(streams=streams))
        if landed.error is not None:
            raise_unless_told(landed.error)
            return None
        again = land(root, source, Options()) if source.kind != "wandb-api" else landed
        must(again.rows == landed.rows, f"{again.rows} rows, at first {landed.rows}")
        must(again.action in (Action.UNCHANGED, landed.action), f"again it is {again.action}")
        return landed


def raise_unless_told(error: WarehouseError) -> None:
    """Raise an error that is no answer: one that puts the blame on the machine."""
    if "could not be stored" in error.message:
        raise error


def _examine(root: Path, landed: dict[str, Landed], views: Sequence[str]) -> None:
    """Ask views, and hold every file to its row."""
    with closing(connect(root, list(views))) as connection:
        counts = {}
        for view in views:
            rows = connection.execute(f"SELECT * FROM {view}").fetchall()
            counts[view] = len(rows)
    must(counts["runs"] == len(landed), f"{counts['runs']} runs of {len(landed)}")
    stored = sum(one.rows for one in landed.values())
    must(counts["history"] == stored, f"{counts['history']} rows of {stored}")
    for found in examine(root):
        must(not found.faults, f"a damaged run: {[str(fault) for fault in found.faults][:3]}")
