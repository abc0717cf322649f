"""Parquet, for other programs: every value in its own type."""

from __future__ import annotations

from typing import IO

import pyarrow.parquet

from dakota_wh.rendering.rows import Rows


def write_parquet(rows: Rows, file: IO[bytes]) -> None:
    """Write the rows as one Parquet file."""
    pyarrow.parquet.write_table(rows.arrow(), file, compression="zstd")
