"""Stores for the tests: one in memory, and a server on loopback that speaks S3."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dakota_wh.cli import run
from tests.store.server import SETTINGS, s3_server
from tests.warehouse.quick import all_views, quick

Call = Callable[..., tuple[int, str, str]]

__all__ = ["all_views", "quick"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test caches of its own, and no settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "DAKOTA_", "WANDB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAKOTA_WH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def memory() -> Iterator[str]:
    """Give the address of a place in an empty store in memory."""
    fsspec = pytest.importorskip("fsspec", reason="the extra s3 is not installed")
    files: Any = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    yield "memory://bucket/runs"
    files.store.clear()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Give the address of a server that speaks S3."""
    with s3_server() as address:
        yield address


@pytest.fixture
def s3(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of an empty bucket, and the settings for it."""
    import boto3

    for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": server}.items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{abs(hash(tmp_path)):x}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/runs"


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """Call the command line in this process, in an empty folder; return code, stdout, stderr."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def calling(*args: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return calling
