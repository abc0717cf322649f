"""A key that a run logged is in nothing that is stored, whichever way it came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.api import Warehouse
from dakota_wh.ingest.wandb_api import masking
from dakota_wh.ingest.wandb_api.masking import mask_file, without_key_in
from dakota_wh.ingest.wandb_api.pool import Workers
from dakota_wh.ingest.wandb_api.step_block import StepBlock
from tests.wandb_server.client import API_KEY
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import curve
from .test_streams import bring

ALL = ("system", "files", "tables")


def leaky() -> ServedRun:
    """Return a run that logged the key wherever text can stand, and some other text."""
    cells = [[f"say {API_KEY}", 1.0], ["nothing", 2.0]]
    data = json.dumps({"columns": ["prompt", f"of {API_KEY}"], "data": cells}).encode()
    table = {"_type": "table-file", "path": "media/table/t.table.json", "nrows": 2, "ncols": 2}
    table |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    said = f'{API_KEY}, "{API_KEY}" and é'
    rows = curve(12, note=said, nested={"env": {"k": API_KEY}}, listed=[1, said], calm="é")
    rows[-1] |= {"samples": table, f"key {API_KEY}": 1.5}
    return ServedRun(
        "acme",
        "p",
        "t",
        rows=rows,
        config={"env": {"k": API_KEY, API_KEY: 1}},
        summary={"_step": 11, "note": said},
        name=f"run of {API_KEY}",
        notes=said,
        tags=[API_KEY],
        files={"media/table/t.table.json": data, f"{API_KEY}.txt": b"x"},
        events=[{"_timestamp": 1.7e9, f"system.{API_KEY}": 1.0}],
    )


def stored_texts(root: Path) -> Iterator[str]:
    """Yield all that stands in the Parquet files of a warehouse: names, values, metadata."""
    for path in root.rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        yield f"{path} {table.schema} {table.schema.metadata} {table.to_pylist()}"


@pytest.mark.parametrize("exported_up_to", [None, 5, 11])
def test_a_logged_key_is_stored_nowhere(
    server: Server,
    warehouse: Warehouse,
    running: tuple[Server, Workers],
    exported_up_to: int | None,
) -> None:
    run = server.add_run(leaky())
    if exported_up_to is not None:
        run.export(exported_up_to)
    landed = bring(warehouse, running[1], streams=ALL)
    assert (landed.error, landed.rows, landed.warnings) == (None, 12, ())
    texts = list(stored_texts(warehouse.path))
    assert len(texts) > 10
    assert not [text for text in texts if API_KEY in text]
    notes = warehouse.sql('SELECT DISTINCT "note::json", "calm::json" FROM history').rows()
    assert notes == [(json.dumps('***, "***" and é', ensure_ascii=False), '"é"')]
    (table,) = warehouse.query("tables").dicts()
    assert table["state"] == "stored"  # its SHA-256 was that of what was logged
    prompts = [row["prompt::json"] for row in warehouse.query("table_rows").dicts()]
    assert prompts == ['"say ***"', '"nothing"']


SECRET = "abcabcab"


@given(
    st.lists(st.sampled_from([SECRET, "abc", "ab", "c", "é", "x" * 5])).map("".join),
    st.integers(1, 20),
)
def test_a_file_is_masked_whatever_its_pieces(
    tmp_path_factory: pytest.TempPathFactory, text: str, piece: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "masked"
    path.write_text(text, encoding="utf-8")
    with patch.object(masking, "_PIECE", piece):
        digest = mask_file(path, SECRET)
    assert path.read_text(encoding="utf-8") == text.replace(SECRET, "***")
    told = hashlib.sha256(text.encode()).hexdigest() if SECRET in text else None
    assert digest == told


def test_rows_without_the_key_are_what_they_were() -> None:
    columns: dict[tuple[str, ...], pa.Array[Any]] = {
        ("loss",): pa.array([1.0, None]),
        ("note",): pa.array(['"abc"', None]),
    }
    block = StepBlock(np.array([0, 1]), columns)
    assert without_key_in(block, SECRET) is block
    # What is too short to be a key would be found everywhere.
    assert without_key_in(block, "abc") is block
