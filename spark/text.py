"""Names, texts and paths into Spark SQL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pyarrow as pa

#: The types of what is stored, as Spark names them.
SPARK_TYPES: Final[dict[pa.DataType, str]] = {
    pa.string(): "STRING",
    pa.large_string(): "STRING",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us"): "TIMESTAMP_NTZ",
    pa.list_(pa.int64()): "ARRAY<BIGINT>",
    pa.list_(pa.string()): "ARRAY<STRING>",
}


def name(identifier: str) -> str:
    """Return a name as a quoted identifier."""
    return "`" + identifier.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a string as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def address(path: Path) -> str:
    """Return a local path as Hadoop's file systems name it."""
    return "file:" + path.absolute().as_posix()


def pattern(path: Path) -> str:
    """Return a local path as an address in which glob characters mean themselves."""
    return re.sub(r"[\\{}\[\]*?]", r"\\\g<0>", address(path))
