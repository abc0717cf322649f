"""Which files each row of a mirror names: read once from the row, then from one file of them all.

``.dakota-wh/named.jsonl`` has a line a row: ``[key, [[table, name, sha256], …]]``. Lines are added,
several processes at once if need be; a line that is broken or missing is read from the row again.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from dakota_wh.store.arriving import arriving
from dakota_wh.warehouse.layout import STATE_FOLDER
from dakota_wh.warehouse.run_row import NamedFile

#: Lines of rows that are gone, beyond which the file is written anew.
_MOST_OLD: Final = 1000


class Named:
    """The files that rows name, by the rows' keys."""

    def __init__(self, folder: Path) -> None:
        """Make it of a mirror's folder; the file is read when it is first asked."""
        self.folder = folder
        self._path = folder / STATE_FOLDER / "named.jsonl"
        self._known: dict[str, list[NamedFile]] | None = None

    def of(self, key: str) -> list[NamedFile] | None:
        """Return the files that a row names, None if they have not been noted."""
        if self._known is None:
            self._known = self._read()
        return self._known.get(key)

    def add(self, key: str, files: list[NamedFile]) -> None:
        """Note the files that a row names."""
        line = json.dumps([key, [[one.table, one.name, one.sha256] for one in files]])
        if self._known is not None:
            self._known[key] = files
        with suppress(OSError):  # it is read from the row the next time
            place = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(place, f"\n{line}".encode())  # after what a killed process left
            finally:
                os.close(place)

    def _read(self) -> dict[str, list[NamedFile]]:
        found: dict[str, list[NamedFile]] = {}
        lines = 0
        with suppress(OSError), self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                lines += 1
                with suppress(ValueError, TypeError):
                    key, files = json.loads(line)
                    found[key] = [NamedFile(*one) for one in files]
        if lines > _MOST_OLD and lines > 2 * len(found):
            self._write_anew(found)
        return found

    def _write_anew(self, found: dict[str, list[NamedFile]]) -> None:
        with suppress(OSError), arriving(self.folder, self._path) as temporary:
            text = "".join(
                f"\n{json.dumps([key, [[one.table, one.name, one.sha256] for one in files]])}"
                for key, files in found.items()
            )
            temporary.write_text(text, encoding="utf-8")
