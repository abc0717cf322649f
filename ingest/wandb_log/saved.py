"""The files that lie in a run's folder, and the artifacts that its log names.

``ArtifactRecord`` and ``UseArtifactRecord`` of ``wandb_internal.proto``; an artifact's own files
lie in W&B's staging and may be gone, so only its manifest counts. The service gives its version.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dakota_wh.ingest.exports.tokens import safe_key
from dakota_wh.warehouse.streams import RunFile

from . import wire
from .framing import NotALogError, Scan, check_header
from .segments import Segment, problem_of
from .snapshot import Snapshot

#: Files up to this size are hashed; a checkpoint of gigabytes is not read for its list.
HASHED_UP_TO: Final = 64 * 1024 * 1024

_TYPE, _NAME, _DIGEST, _ALIAS, _MANIFEST = 4, 5, 6, 11, 12
_CONTENTS, _SIZE = 4, 4
_USED_TYPE, _USED_NAME = 2, 3


def files_of(segment: Segment, known: Mapping[str, RunFile]) -> Iterator[RunFile]:
    """Yield the files in a run's folder; one that is ``known`` and unchanged is not hashed again.

    A link that leads out of the folder is listed, and what it leads to is not opened.
    """
    folder = segment.path.parent / "files"
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            shown = safe_key(path.relative_to(folder).as_posix())
            try:
                found = path.stat()
            except OSError:
                yield RunFile("file", shown, mimetypes.guess_type(shown)[0])
                continue
            changed = datetime.fromtimestamp(found.st_mtime, UTC).replace(tzinfo=None)
            old = known.get(shown)
            if old is not None and (old.size, old.changed_at) == (found.st_size, changed):
                yield old
                continue
            inside = path.resolve().is_relative_to(folder.resolve())
            digest = _md5(path) if inside and found.st_size <= HASHED_UP_TO else None
            kind = mimetypes.guess_type(shown)[0]
            yield RunFile("file", shown, kind, None, found.st_size, digest, changed_at=changed)


def artifacts_of(segment: Segment) -> tuple[list[RunFile], int]:
    """Return the artifacts that a log names, and how many records could not be read.

    Raises:
        SourceProblem: the log cannot be read.
    """
    found: dict[RunFile, None] = {}
    bad = 0
    try:
        file = Snapshot(segment.path)
    except OSError as error:
        raise problem_of(segment.name, error) from error
    try:
        check_header(file)
        for payload in Scan(file).records():
            try:
                _, kind, start, end = wire.envelope(payload)
                if kind == wire.ARTIFACT:
                    found[_logged(bytes(payload[start:end]))] = None
                elif kind == wire.USE_ARTIFACT:
                    found[_used(bytes(payload[start:end]))] = None
            except wire.BadRecordError:
                bad += 1
    except (OSError, NotALogError) as error:
        raise problem_of(segment.name, error) from error
    finally:
        file.close()
    return list(found), bad


def _logged(body: bytes) -> RunFile:
    texts: dict[int, str] = {}
    aliases: list[str] = []
    sizes: list[int] = []
    for number, value in wire.fields(body):
        if number in (_TYPE, _NAME, _DIGEST):
            texts[number] = wire.text_of(value)
        elif number == _ALIAS:
            aliases.append(wire.text_of(value))
        elif number == _MANIFEST:
            sizes = _sizes(wire.bytes_of(value))
    return RunFile(
        "artifact",
        texts.get(_NAME, ""),
        texts.get(_TYPE) or None,
        size=sum(sizes) if sizes and sum(sizes) < 2**63 else None,
        digest=texts.get(_DIGEST) or None,
        relation="logged",
        files=len(sizes) or None,
        aliases=json.dumps(aliases, ensure_ascii=False),
    )


def _sizes(manifest: bytes) -> list[int]:
    """Return the sizes of the entries; none where the manifest lies in a file of its own."""
    return [
        next((wire.number_of(v) for n, v in wire.fields(wire.bytes_of(value)) if n == _SIZE), 0)
        for number, value in wire.fields(manifest)
        if number == _CONTENTS
    ]


def _used(body: bytes) -> RunFile:
    texts = {n: wire.text_of(v) for n, v in wire.fields(body) if n in (_USED_TYPE, _USED_NAME)}
    name, _, version = texts.get(_USED_NAME, "").partition(":v")
    number = int(version) if version.isascii() and version.isdigit() else None
    if number is None or number >= 2**63:
        name, number = texts.get(_USED_NAME, ""), None
    return RunFile("artifact", name, texts.get(_USED_TYPE) or None, number, relation="used")


def _md5(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    except OSError:
        return None
    return base64.b64encode(found.digest()).decode()
