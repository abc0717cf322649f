"""Stores for the tests: one in memory, and a server on loopback that speaks S3."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dakota_wh.cli import run
from dakota_wh.sql import views
from dakota_wh.warehouse import catalogue
from tests.warehouse.kit import few_views

Call = Callable[..., tuple[int, str, str]]

#: Nobody's: the server takes any.
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-may-see",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Leave the flushing to the system, and put only some of the views into catalogues."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)  # what dies here is no machine
        patch.setattr(catalogue, "registry", few_views())
        yield


@pytest.fixture
def all_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put all views into catalogues."""
    monkeypatch.setattr(catalogue, "registry", views)


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
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    running: Any = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


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
