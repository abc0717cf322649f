"""A folder holds the curves, or the analysis, of one training: whose they are, and what may go.

Their names are those of the older scripts and name no run; the summary among them does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import WarehouseError
from dakota_wh.export.destination import is_there
from dakota_wh.export.training import Training

_HINT: Final = "To replace them: --force. To write elsewhere: --output-dir DIR"


@dataclass(frozen=True, slots=True)
class OneTraining:
    """The files of one kind in a folder."""

    folder: Path
    #: The file that says whose all of them are.
    summary: str
    #: The names that they may have, the summary's among them.
    names: tuple[str, ...]

    def check_free(self, training: Training) -> None:
        """Raise unless each file is new, or of this training.

        Raises:
            WarehouseError: another training's files are there, or somebody else's.
        """
        there = self._there()
        if not there:
            return
        sides = self._sides()
        if not any(sides):
            raise WarehouseError(
                f"{self.folder / there[0]} is there already, and no {self.summary} of ours says "
                "whose it is.",
                hint=_HINT,
            )
        if not _same(sides, (training.orchestrator, training.trainer)):
            orchestrator, trainer = (side or "none" for side in sides)
            raise WarehouseError(
                f"{self.folder} holds the files of another training "
                f"(orchestrator {orchestrator}, trainer {trainer}).",
                hint=_HINT,
            )

    def left_over(self, written: Iterable[Path]) -> list[Path]:
        """Return what an earlier export of a training left and the new one does not replace."""
        kept = {path.name for path in written}
        there = self._there() if any(self._sides()) else []
        return [self.folder / name for name in there if name not in kept]

    def _there(self) -> list[str]:
        return [name for name in self.names if is_there(self.folder / name)]

    def _sides(self) -> tuple[str | None, str | None]:
        """Return the runs that the summary names; None where it names none."""
        try:
            document = json.loads((self.folder / self.summary).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None, None
        if not isinstance(document, dict):
            return None, None
        return _run(document.get("orchestrator_run")), _run(document.get("trainer_run"))


def _run(told: Any) -> str | None:
    """Return a run's id: the scripts wrote ``entity/project/id``, analyses an object."""
    value = told.get("run_id") if isinstance(told, dict) else told
    if not isinstance(value, str) or value == "unknown":
        return None
    return value.rpartition("/")[2] or None


def _same(there: tuple[str | None, str | None], wanted: tuple[str | None, str | None]) -> bool:
    """Return whether one side agrees and none contradicts: a partner may have come later."""
    pairs = [(a, b) for a, b in zip(there, wanted, strict=True) if a is not None and b is not None]
    return bool(pairs) and all(a == b for a, b in pairs)
