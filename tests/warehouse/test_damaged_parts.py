"""Whoever asks of a part whose bytes have changed hears which run it is and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import WarehouseError
from dakota_wh.warehouse.checks import check
from dakota_wh.warehouse.snapshot import at_one_moment
from tests.warehouse.kit import constant_run, ingest

RUN = "Run 'a'"
ASKED: dict[str, Callable[[Path], object]] = {
    "query": lambda root: open_warehouse(root).query("series"),
    "sql": lambda root: open_warehouse(root).sql("SELECT * FROM series"),
    "check": check,
    "compare": lambda root: at_one_moment(root, ["series_v1"], lambda one: one.rows("series_v1")),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "wh"
    ingest(found, constant_run(tmp_path / "in", RUN, 1.0))
    return found


def part(root: Path, table: str) -> Path:
    (found,) = root.glob(f"{table}/role=[!z]*/*/part-*.parquet")
    return found


@pytest.mark.parametrize("asked", ASKED)
def test_pages_that_cannot_be_decoded(root: Path, asked: str) -> None:
    path = part(root, "series")
    data = bytearray(path.read_bytes())
    # What follows the first page's header, and all other pages; the footer is as it was.
    pages = slice(60, len(data) - int.from_bytes(data[-8:-4], "little") - 8)
    data[pages] = bytes(byte ^ 0x5A for byte in data[pages])
    path.write_bytes(data)
    with pytest.raises(WarehouseError) as raised:
        ASKED[asked](root)
    # DuckDB does not name the file of a page whose header it cannot parse.
    assert raised.value.hint.endswith(("dakota-wh rebuild", "dakota-wh doctor"))
    assert open_warehouse(root).rebuild()[0].error is None
    ASKED[asked](root)


@pytest.mark.parametrize("asked", ASKED)
def test_a_part_that_was_cut(root: Path, asked: str) -> None:
    path = part(root, "series")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WarehouseError, match=path.name) as raised:
        ASKED[asked](root)
    assert raised.value.hint == "dakota-wh rebuild"


def test_what_nothing_derives(root: Path) -> None:
    path = part(root, "config")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WarehouseError, match=path.name) as raised:
        open_warehouse(root).query("config")
    assert raised.value.hint == """dakota-wh remove 'Run '"'"'a'"'"'', then ingest it again"""


def test_what_is_asked_wrongly_blames_no_file(root: Path) -> None:
    for text in ("SELECT CAST('x' AS INTEGER)", "SELECT error('no')"):
        with pytest.raises(WarehouseError, match="The SQL failed") as raised:
            open_warehouse(root).sql(text)
        assert raised.value.hint == ""
