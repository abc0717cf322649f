"""The key taken out of what was not JSON text when it arrived: cells of exports, files of tables.

A run may have logged its environment, or printed it into a sample. Answers to queries are masked as
they come (``Client.query``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc

from dakota_wh.ingest.source import KeyPath
from dakota_wh.ingest.wandb_api.sign_in import MASK, is_secret, without_key
from dakota_wh.ingest.wandb_api.step_block import StepBlock

_PIECE: Final = 1 << 20


def without_key_in(block: StepBlock, key: str) -> StepBlock:
    """Return rows without the key, in cells of text and in the names of columns.

    A block without it is returned as it is.
    """
    if not is_secret(key):
        return block
    named = [path for path in block.columns if any(key in part for part in path)]
    held = [path for path, array in block.columns.items() if _holds(array, key)]
    if not named and not held:
        return block
    columns: dict[KeyPath, pa.Array[Any]] = {}
    for path, array in block.columns.items():
        clean = pc.replace_substring(array, key, MASK) if path in held else array
        columns[tuple(without_key(part, key) for part in path)] = clean
    return StepBlock(block.steps, columns)


def _holds(array: pa.Array[Any], key: str) -> bool:
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return False
    return bool(pc.any(pc.match_substring(array, key)).as_py())


def mask_file(path: Path, key: str) -> str | None:
    """Take the key out of a file; return the SHA-256 of what it was, None if it was not in there.

    Pieces of 1 MiB are in memory, never the whole. Raises OSError.
    """
    secret = key.encode()
    if not is_secret(key):
        return None
    with path.open("rb") as file:
        if not any(secret in piece for piece in _overlapping(file, len(secret) - 1)):
            return None
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        clean = path.with_name(f"{path.name}.clean")
        file.seek(0)
        with clean.open("wb") as written:
            _rewrite(file, written, secret)
    clean.replace(path)
    return digest


def _overlapping(file: BinaryIO, overlap: int) -> Iterator[bytes]:
    """Yield pieces, each with the end of the one before, so that nothing is cut in two."""
    rest = b""
    while piece := file.read(_PIECE):
        yield rest + piece
        rest = (rest + piece)[-overlap:]


def _rewrite(file: BinaryIO, written: BinaryIO, secret: bytes) -> None:
    rest = b""
    while piece := file.read(_PIECE):
        clean = (rest + piece).replace(secret, MASK.encode())
        keep = len(clean) - (len(secret) - 1)  # what follows may be a secret's first part
        written.write(clean[: max(keep, 0)])
        rest = clean[max(keep, 0) :]
    written.write(rest)
