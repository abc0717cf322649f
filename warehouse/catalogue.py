"""``warehouse.duckdb``: the views for people with a shell, and nothing else.

It is derived and can be deleted at any time. Nobody of ours opens it: a new one is built beside
it and takes its place in one rename, when the views of the installed version or the folder's place
differ from what a small stamp file says. Storage version 1.0 lets DuckDB 1.4, 1.5 and 2.0 read it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb

from dakota_wh.errors import NotAWarehouse
from dakota_wh.sql import views as registry
from dakota_wh.warehouse.connection import check_is_warehouse, first_line
from dakota_wh.warehouse.layout import CATALOGUE, LAYOUT_VERSION, STATE_FOLDER
from dakota_wh.warehouse.quoting import identifier, literal
from dakota_wh.warehouse.relations import create_statements, files_of_catalogue

_STORAGE: Final = "v1.0.0"


def _stamp(root: Path) -> dict[str, str]:
    return {
        "root": str(root),
        "views": registry.fingerprint(),
        "layout": str(LAYOUT_VERSION),
        "storage": _STORAGE,
    }


def stamp_path(root: Path) -> Path:
    """Return the file that says what the catalogue was built from."""
    return root / STATE_FOLDER / "catalogue.json"


def is_current(root: Path) -> bool:
    """Return whether the catalogue is there and was built for this place by these views."""
    root = root.absolute()
    if not (root / CATALOGUE).is_file():
        return False
    try:
        said = json.loads(stamp_path(root).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(said == _stamp(root))


def shell_is_writing(root: Path) -> bool:
    """Return whether some shell has changes in the catalogue's write-ahead log."""
    log = root / f"{CATALOGUE}.wal"
    return log.is_file() and log.stat().st_size > 0


def ensure(root: Path) -> bool:
    """Rebuild the catalogue if it is stale; return whether a new one is in place.

    With a shell's uncommitted log beside it the old one stays: a new file under an old log could
    not be opened by anyone.
    """
    if is_current(root) or shell_is_writing(root):
        return False
    build(root)
    return True


def refresh(root: Path) -> None:
    """Do :func:`ensure` on the way of a reader, which must not fail by it."""
    with suppress(NotAWarehouse, OSError):
        ensure(root)


def build(root: Path) -> None:
    """Build the catalogue anew.

    Raises:
        NotAWarehouse: the folder holds no warehouse, or cannot be written or read.
    """
    root = root.absolute()
    check_is_warehouse(root)
    staged = root / f".{CATALOGUE}.{os.getpid()}.tmp"
    try:
        _write(staged, root)
        staged.replace(root / CATALOGUE)
        path = stamp_path(root)
        path.parent.mkdir(exist_ok=True)
        text = json.dumps(_stamp(root), indent=1)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except (OSError, duckdb.Error) as error:
        raise NotAWarehouse(
            f"The catalogue of {root} cannot be built: {first_line(error)}",
            hint="Check the folder's permissions and space, then: dakota-wh rebuild",
        ) from error
    finally:
        for leftover in (staged, staged.with_name(staged.name + ".wal")):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


def _write(path: Path, root: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
    with duckdb.connect(
        str(path), config={"storage_compatibility_version": _STORAGE}
    ) as connection:
        aliases = registry.aliases()
        relations = [*(view.relation for view in registry.all_views()), *aliases]
        for statement in create_statements(relations, files_of_catalogue(root)):
            connection.execute(statement)
        for view in registry.all_views():
            for name in (view.relation, *(a for a, r in aliases.items() if r == view.relation)):
                comment = literal(view.description)
                connection.execute(f"COMMENT ON VIEW {identifier(name)} IS {comment}")
        connection.execute("CHECKPOINT")
