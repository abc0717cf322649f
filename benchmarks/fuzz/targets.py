"""The targets by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.fuzz import files, seeds
from benchmarks.fuzz.files import ExportTarget, Several
from benchmarks.fuzz.logs import LogTarget
from benchmarks.fuzz.parquets import ParquetForm
from benchmarks.fuzz.service import ServiceTarget, service_seeds
from benchmarks.fuzz.stored import StoredForm, StoredTarget, stored_sdk_seeds, stored_seeds
from benchmarks.fuzz.tables import TableTarget, table_seeds
from benchmarks.fuzz.target import Target
from benchmarks.fuzz.texts import TextForm
from benchmarks.fuzz.wire import LogForm

_TEXTS: Final = Several([TextForm()])
_FILES: Final = Several([ParquetForm(), TextForm()])


def _log(folder: Path) -> Target:
    return Target("log", LogForm(), seeds.logs, LogTarget(folder), seeds.sdk_logs)


def _csv(folder: Path) -> Target:
    attempt = ExportTarget(folder, ".csv", files.check_csv)
    return Target("csv", _TEXTS, files.csv_seeds, attempt)


def _json(folder: Path) -> Target:
    attempt = ExportTarget(folder, ".json", files.check_json)
    return Target("json", _TEXTS, files.json_seeds, attempt)


def _parquet(folder: Path) -> Target:
    attempt = ExportTarget(folder, ".parquet", files.check_parquet)
    return Target("parquet", _FILES, files.parquet_seeds, attempt)


def _service(folder: Path) -> Target:
    return Target("service", _TEXTS, service_seeds, ServiceTarget(folder))


def _table(folder: Path) -> Target:
    return Target("table", TextForm(), table_seeds, TableTarget(folder))


def _stored(folder: Path) -> Target:
    return Target("stored", StoredForm(), stored_seeds, StoredTarget(folder), stored_sdk_seeds)


#: Each makes a target that may write into a folder of its own.
TARGETS: Final[dict[str, Callable[[Path], Target]]] = {
    "log": _log,
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "service": _service,
    "table": _table,
    "stored": _stored,
}
