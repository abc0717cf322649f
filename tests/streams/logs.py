"""Logs with tables and system metrics, made by hand, so that tests can bend them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.wandb_log import encoder

HISTORY, STATS, RUN, EXIT = 2, 7, 17, 18


@dataclass
class HandMade:
    """A run folder that grows: ``write`` puts the log and the tables' files there."""

    folder: Path
    run_id: str = "hand"
    bodies: list[tuple[int, bytes]] = field(default_factory=list)
    step: int = 0

    def __post_init__(self) -> None:
        self.bodies.append((RUN, encoder.run(self.run_id, project="p", start=1_700_000_000)))

    @property
    def log(self) -> Path:
        return self.folder / f"run-{self.run_id}.wandb"

    def row(self, values: dict[str, Any]) -> None:
        """Log a row; dicts are nested items, as today's client writes them."""
        items = [encoder.item(["_step"], str(self.step))]
        for key, value in values.items():
            if isinstance(value, dict):
                items += [encoder.item([key, k], json.dumps(v)) for k, v in value.items()]
            else:
                items.append(encoder.item([key], json.dumps(value)))
        self.bodies.append((HISTORY, encoder.history(items, self.step)))
        self.step += 1

    def table(self, text: str | bytes, name: str | None = None, **claims: Any) -> dict[str, Any]:
        """Save a table's file, and return the value that names it."""
        data = text.encode() if isinstance(text, str) else text
        path = f"media/table/{name or f't_{self.step}.table.json'}"
        target = self.folder / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        value = {"_type": "table-file", "path": path, "sha256": sha256, "size": len(data)}
        return value | claims

    def stats(self, second: int, values: dict[str, str]) -> None:
        """Record system metrics, of JSON texts, so many seconds after the start."""
        at = encoder.number(1, 1_700_000_000 + second) + encoder.number(2, 500_000_000)
        items = (
            encoder.chunk(3, encoder.chunk(1, k) + encoder.chunk(16, v)) for k, v in values.items()
        )
        body = encoder.number(1, 0) + encoder.chunk(2, at) + b"".join(items)
        self.bodies.append((STATS, body))

    def end(self) -> None:
        """Record the end of the run."""
        self.bodies.append((EXIT, encoder.number(2, 9)))

    def write(self) -> Path:
        """Write the log as it is now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(encoder.log(encoder.records(self.bodies)))
        return self.folder


def table_json(columns: list[Any], data: list[Any]) -> str:
    """Return a table's file as W&B's client writes it."""
    return json.dumps({"columns": columns, "data": data})
