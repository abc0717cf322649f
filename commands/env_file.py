"""Settings from a ``.env`` file in the working folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from dakota_wh.errors import UsageProblem

#: The variables that this process took from a file, where the environment had none.
TAKEN: Final[dict[str, Path]] = {}


def read_env_file(path: Path) -> None:
    """Take ``DAKOTA_…`` and ``WANDB_…`` from a ``.env`` file where the environment has none.

    Raises:
        UsageProblem: the file is no text in UTF-8.
    """
    if not path.is_file():
        return
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageProblem(
            f"{path.absolute()} is not in UTF-8.", hint="Save it anew as UTF-8 text."
        ) from error
    for name, value in values.items():
        if re.match(r"(DAKOTA|WANDB)_", name) and value is not None and name not in os.environ:
            os.environ[name] = value
            TAKEN[name] = path.absolute()
