"""W&B's own local logs, the ``.wandb`` files, read without W&B.

``find_logs`` tells what a path holds; a ``WandbLog`` is one run and implements ``Source``.
"""

from __future__ import annotations

from .find import find_logs
from .source import WandbLog

__all__ = ["WandbLog", "find_logs"]
