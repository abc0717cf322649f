"""The sample of `dakota-wh demo`: a small GRPO training as W&B logs (made by `make_sample`)."""

import io
import os
import tempfile
import zipfile
from importlib import resources
from pathlib import Path

__all__ = ["RUN_IDS", "unpack"]

RUN_IDS = {"orchestrator": "demoorch", "trainer": "demotrnr"}
"""The run of each role in the sample."""


def unpack(folder: Path) -> Path:
    """Unpack the sample's `wandb/` folder into `folder`, and return it.

    Missing folders are made. What is already there with the same content is left alone, and a
    file is replaced at once, so that unpacking twice, or while somebody reads, does no harm.
    """
    archive = resources.files(__name__).joinpath("sample.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(archive)) as sample:
        for name in sample.namelist():
            _put(folder / name, sample.read(name))
    return folder / "wandb"


def _put(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
