"""Lists that come in pages: the pages themselves, a run's files and its artifacts."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .exact import json_text
from .model import ServedArtifact, ServedRun

Node = dict[str, Any]
Arguments = Mapping[str, Any]


def page(items: Sequence[Any], given: Arguments, node: Callable[[Any], Node]) -> Node:
    """Return one page of a connection; a cursor is a position, so pages shift as items come."""
    start = int(base64.b64decode(given["after"])) if given.get("after") else 0
    first = given.get("first")
    stop = min(len(items), start + (50 if first is None else first))
    edges = [
        {"node": node(items[position]), "cursor": opaque(str(position + 1))}
        for position in range(start, stop)
    ]
    info = {
        "__typename": "PageInfo",
        "endCursor": edges[-1]["cursor"] if edges else None,
        "hasNextPage": stop < len(items),
    }
    return {"totalCount": len(items), "edges": edges, "pageInfo": info}


def opaque(text: str) -> str:
    """Return an id or a cursor that nobody should read."""
    return base64.b64encode(text.encode()).decode()


def files(url: str, run: ServedRun, given: Arguments) -> Node:
    """Return the files of a run, by names or by a pattern."""
    names = sorted(run.files)
    if given.get("names"):
        names = [name for name in names if name in given["names"]]
    elif given.get("pattern"):  # SQL's LIKE
        parts = re.split("([%_])", given["pattern"])
        like = "".join({"%": ".*", "_": "."}.get(part, re.escape(part)) for part in parts)
        names = [name for name in names if re.fullmatch(like, name, re.DOTALL)]

    def node(name: str) -> Node:
        content = run.files[name]
        place = "/".join(quote(part, safe="") for part in run.key) + "/" + quote(name)
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        return {
            "__typename": "File",
            "id": opaque(f"File:{run.id}:{name}"),
            "name": name,
            "url": f"{url}/files/{place}",
            "directUrl": f"{url}/files/{place}",
            "sizeBytes": str(len(content)),
            "mimetype": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "updatedAt": run.heartbeat_at,
            "md5": base64.b64encode(digest).decode(),
        }

    return page(names, given, node)


def artifacts(
    run: ServedRun, number: str, given: Arguments, chosen: Sequence[ServedArtifact]
) -> Node:
    """Return artifacts of a run."""
    project = {
        "__typename": "Project",
        "id": number,
        "internalId": number,
        "name": run.project,
        "entity": {"__typename": "Entity", "name": run.entity},
    }

    def node(artifact: ServedArtifact) -> Node:
        sequence = {"__typename": "ArtifactSequence", "name": artifact.name, "project": project}
        return {
            "__typename": "Artifact",
            "id": opaque(f"Artifact:{artifact.name}:{artifact.version}"),
            "artifactSequence": sequence,
            "versionIndex": artifact.version,
            "artifactType": {"__typename": "ArtifactType", "name": artifact.type},
            "description": None,
            "metadata": json_text(artifact.metadata),
            "ttlDurationSeconds": -2,
            "ttlIsInherited": False,
            "tags": [],
            "historyStep": artifact.step,
            "state": "COMMITTED",
            "size": artifact.size,
            "digest": artifact.digest,
            "digestAlgorithm": None,
            "commitHash": None,
            "fileCount": artifact.file_count,
            "createdAt": run.created_at,
            "updatedAt": None,
            "aliases": [
                {
                    "__typename": "ArtifactAlias",
                    "id": opaque(f"Alias:{artifact.name}:{alias}"),
                    "alias": alias,
                    "artifactCollection": sequence,
                }
                for alias in artifact.aliases
            ],
        }

    return page(chosen, given, node)
