"""The reader of a logged table's file, held to Python's decoder."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.fuzz import seeds
from benchmarks.fuzz.target import must
from dakota_wh.ingest.streams.table_text import MalformedError, TableText


class TableTarget:
    """Reads a table's file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "table.json"

    def __call__(self, data: bytes) -> None:
        """Do one try."""
        self._path.write_bytes(data)
        try:
            with TableText(self._path) as table:
                columns = table.columns()
                rows = list(table.rows(len(columns)))
        except MalformedError:
            return
        must(len(set(columns)) == len(columns), "two columns of one name")
        for text in (*columns, *(cell for row in rows for cell in row)):
            text.encode()
        pairs = json.loads(data.decode("utf-8-sig"), parse_int=str, object_pairs_hook=list)
        wanted = next(value for key, value in pairs if key == "data")
        must(len(rows) == len(wanted), f"{len(rows)} rows of {len(wanted)}")
        for row, cells in zip(rows, wanted, strict=True):
            plain = [(a, b) for a, b in zip(row, cells, strict=True) if isinstance(b, str)]
            must(
                all(b in (a, json.loads(a, parse_int=str)) for a, b in plain if b.isascii()),
                "another cell",
            )


def table_seeds() -> list[bytes]:
    """Return tables as W&B's client writes them, and as an artifact holds them."""
    more = {"column_types": {"params": {"type_map": {}}}, "_type": "table", "ncols": 1, "nrows": 3}
    rows = [[n, "text é", [1, {"a": None}], n / 7, True] for n in range(40)]
    return [
        seeds.TABLE_FILE,
        json.dumps({"data": rows, "columns": ["n", "t", 3, "f", None]}).encode(),
        json.dumps({**more, "columns": ["a"], "data": [[1], [None], ["x"]]}).encode(),
        b'{"columns": [], "data": []}',
    ]
