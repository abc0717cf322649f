"""Settings from a ``.env`` file in the working folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dakota_wh.errors import UsageProblem
from dakota_wh.ingest.wandb_api.from_file import TAKEN


def read_env_file(path: Path) -> None:
    """Take ``DAKOTA_…`` and ``WANDB_…`` from a ``.env`` file where the environment has none.

    Values are taken as they stand there. A ``${NAME}`` is not replaced: the file may have come with
    somebody's project, and would put any variable of the environment into a server's address.

    Raises:
        UsageProblem: the file cannot be read, is no text in UTF-8, or holds what no variable can.
    """
    try:
        values = _values(path)
    except UnicodeDecodeError as error:
        raise UsageProblem(
            f"{path.absolute()} is not in UTF-8.", hint="Save it anew as UTF-8 text."
        ) from error
    except OSError as error:
        raise UsageProblem(
            f"The settings in {path.absolute()} cannot be read: {error.strerror or error}.",
            hint="Make it readable (chmod u+r .env), rename it, or work in another folder.",
        ) from error
    for name, value in values.items():
        if re.match(r"(DAKOTA|WANDB)_", name) and value is not None and name not in os.environ:
            try:
                os.environ[name] = value
            except ValueError as error:  # a NUL, a character that the system cannot encode
                raise UsageProblem(
                    f"{path.absolute()} holds a line that can be no variable, {name[:40]!r}.",
                    hint="Write it anew as NAME=value, in plain text.",
                ) from error
            TAKEN[name] = path.absolute()


def _values(path: Path) -> dict[str, str | None]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    return dotenv_values(path, encoding="utf-8-sig", interpolate=False)
