"""A Spark session and the hostile warehouse, once; without Java or pyspark all of it is skipped."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dakota_wh
from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.spark.session import own_session
from dakota_wh.warehouse import catalogue
from tests.spark.hostile import fill
from tests.store.server import SETTINGS, s3_server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Quick to start, and not slow enough afterwards to be noticed in tests.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def need_spark() -> None:
    """Skip, and say why, where there is no Spark to test."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("there is no Java here")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Give a session on two cores of this machine."""
    need_spark()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", JAVA_OPTIONS)
        session = own_session("local[2]")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse of hostile values, in a folder whose name is one; not to be changed."""
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "ensure", lambda _: False)  # no shell is used here
        return fill(api.open(folder / "run_id=no" / "w [x] {y} 'é"), folder / "source")


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of the owner's exports."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "reference_results.json").is_file():
        pytest.skip(f"the owner's exports are not at {folder}")
    return folder


@pytest.fixture(scope="module")
def store(hostile: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of the hostile warehouse on a server that speaks S3."""
    cache = tmp_path_factory.mktemp("cache")
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        import boto3

        settings = {"AWS_ENDPOINT_URL": server, "DAKOTA_WH_CACHE": str(cache)}
        for name, value in {**SETTINGS, **settings}.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="bucket")
        dakota_wh.sync(hostile.path, "s3://bucket/a b")
        yield "s3://bucket/a b"
