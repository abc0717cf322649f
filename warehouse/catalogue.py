"""``warehouse.duckdb``: the views for people with a shell, and nothing else.

It is derived and can be deleted at any time. Nobody of ours opens it: a new one is built beside
it and takes its place in one rename, when the views of the installed version or the folder's place
differ from what a small stamp file says. Storage version 1.0 lets DuckDB 1.4, 1.5 and 2.0 read it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import duckdb

from dakota_wh.errors import NotAWarehouse
from dakota_wh.rendering import left_behind
from dakota_wh.sql import views as registry
from dakota_wh.warehouse.connection import check_is_warehouse, first_line, retrying
from dakota_wh.warehouse.laying import lay
from dakota_wh.warehouse.layout import (
    CATALOGUE,
    LAYOUT_VERSION,
    STATE_FOLDER,
    missing_tables,
)
from dakota_wh.warehouse.origin import origin_of
from dakota_wh.warehouse.quoting import identifier, literal
from dakota_wh.warehouse.relations import (
    create_statements,
    files_of_catalogue,
    stored_statements,
)

_STORAGE: Final = "v1.0.0"
_STAGED_SUFFIX: Final = ".tmp"
#: The bytes of a catalogue that this process has built, by the views in it.
_LAID: Final[dict[tuple[str, ...], bytes]] = {}


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
    if origin_of(root) is not None or is_current(root) or shell_is_writing(root):
        return False
    build(root)
    return True


def refresh(root: Path) -> None:
    """Do :func:`ensure` on the way of a reader, which must not fail by it, nor wait for others."""
    if origin_of(root) is not None:
        return
    with suppress(NotAWarehouse, OSError):
        if not is_current(root) and not shell_is_writing(root):
            build(root, wait=0.0)


def build(root: Path, *, wait: float = 20.0) -> None:
    """Build the catalogue anew; others may be at it for ``wait`` seconds before.

    A mirror gets none: it holds only the parts that were asked for, and a shell asks for none.

    Raises:
        NotAWarehouse: the folder holds no warehouse, or cannot be written or read.
    """
    from filelock import FileLock  # slow to import, and seldom needed

    root = root.absolute()
    if origin_of(root) is not None:
        return
    check_is_warehouse(root)
    if missing_tables(root):
        from dakota_wh.warehouse.folder import create  # imports pyarrow

        create(root)  # an earlier version of this program made it
    state = stamp_path(root).parent
    try:
        state.mkdir(exist_ok=True)
        # One builder at a time, so that what a killed one left has a name to be found by.
        with FileLock(state / "catalogue.lock", timeout=wait):
            _replace(root)
    except (OSError, duckdb.Error) as error:
        raise NotAWarehouse(
            f"The catalogue of {root} cannot be built: {first_line(error)}",
            hint="Check the folder's permissions and space, then: dakota-wh rebuild",
        ) from error


def _replace(root: Path) -> None:
    left_behind.sweep_temporary_folder()
    staged = root / f".{CATALOGUE}{_STAGED_SUFFIX}"
    stamp = stamp_path(root)
    temporary = stamp.with_suffix(_STAGED_SUFFIX)
    try:
        # Elsewhere at first: DuckDB cannot write below a folder that has a "?" in its name.
        with tempfile.TemporaryDirectory(prefix="dakota-wh-catalogue-") as elsewhere:
            built = Path(elsewhere) / CATALOGUE
            _write(built, root)
            shutil.copyfile(built, staged)
        staged.replace(root / CATALOGUE)
        temporary.write_text(json.dumps(_stamp(root), indent=1), encoding="utf-8")
        temporary.replace(stamp)
    finally:
        for leftover in (staged, temporary):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


def _write(path: Path, root: Path) -> None:
    """Write a catalogue to a new file.

    Only the lowest views name the folder. A process that makes a second warehouse copies the first
    one's catalogue and lays those anew.
    """
    names = (registry.fingerprint(), *(view.relation for view in registry.all_views()))
    laid_before = _LAID.get(names)
    if laid_before is not None:
        path.write_bytes(laid_before)
    with duckdb.connect(
        str(path), config={"storage_compatibility_version": _STORAGE}
    ) as connection:
        if laid_before is None:
            _lay_all(connection, root)
        else:
            for text in stored_statements(files_of_catalogue(root)):
                retrying(partial(connection.execute, text))
        connection.execute("CHECKPOINT")
    if laid_before is None:
        _LAID[names] = path.read_bytes()


def _lay_all(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    aliases = registry.aliases()
    relations = [*(view.relation for view in registry.all_views()), *aliases]
    laid = create_statements(relations, files_of_catalogue(root))
    lay(lambda text: retrying(lambda: connection.execute(text)), laid)
    for view in registry.all_views():
        for name in (view.relation, *(a for a, r in aliases.items() if r == view.relation)):
            comment = literal(view.description)
            connection.execute(f"COMMENT ON VIEW {identifier(name)} IS {comment}")
