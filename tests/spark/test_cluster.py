"""A master and a worker of their own on loopback: the command line asks them over the network."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.sql import views
from dakota_wh.warehouse import folder
from dakota_wh.warehouse.connection import connect
from tests.spark.agreement import differences, sorted_rows
from tests.spark.conftest import JAVA_OPTIONS, need_spark

LOOPBACK = "127.0.0.1"
#: Long enough for a machine that does other things as well.
PATIENCE = 120


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a master with one worker."""
    need_spark()
    import pyspark

    place = tmp_path_factory.mktemp("cluster")
    home = Path(pyspark.__file__).parent
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    address = f"spark://{LOOPBACK}:{port}"
    one = [str(home / "bin" / "spark-class")]
    at = ["--host", LOOPBACK, "--webui-port", "0"]
    deploy = "org.apache.spark.deploy"
    commands = [
        [*one, f"{deploy}.master.Master", *at, "--port", str(port)],
        [*one, f"{deploy}.worker.Worker", *at, "-c", "1", "-m", "1g", "-d", str(place), address],
    ]
    log = place / "log"
    with log.open("wb") as file:
        running = [
            subprocess.Popen(words, stdout=file, stderr=file, env=environment(home))
            for words in commands
        ]
        try:
            until = time.monotonic() + PATIENCE
            while b"Registering worker" not in log.read_bytes():
                assert time.monotonic() < until, log.read_text(errors="replace")
                assert all(one.poll() is None for one in running), log.read_text(errors="replace")
                time.sleep(0.1)
            yield address
        finally:
            for process in reversed(running):
                process.terminate()
            for process in running:
                process.wait(timeout=PATIENCE)


def environment(home: Path, **more: str) -> dict[str, str]:
    places = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": LOOPBACK}
    return {**os.environ, **places, "JAVA_TOOL_OPTIONS": JAVA_OPTIONS, **more}


#: What somebody who runs a cluster says once for all programs; here, that its data is small.
DEFAULTS = """
spark.sql.shuffle.partitions 2
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""


def test_the_command_line_asks_a_cluster(cluster: str, hostile: Warehouse, tmp_path: Path) -> None:
    import pyspark

    (tmp_path / "spark-defaults.conf").write_text(DEFAULTS, encoding="utf-8")
    words = ["query", "reward_trends", "--engine", "spark", "--master", cluster]
    words += ["--format", "json", "--warehouse", str(hostile.path)]
    done = subprocess.run(
        [sys.executable, "-m", "dakota_wh", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE,
        env=environment(Path(pyspark.__file__).parent, SPARK_CONF_DIR=str(tmp_path)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    wanted = hostile.query("reward_trends")
    got = [tuple(row[name] for name in wanted.columns) for row in json.loads(done.stdout)]
    assert differences(wanted.columns, got, wanted.rows()) == []


#: Lays all views on a session of a cluster, and writes the rows of each to a file.
ALL_VIEWS = """
import sys
import pyarrow.parquet as pq
import dakota_wh.spark
from dakota_wh.spark.session import own_session

master, root, folder = sys.argv[1:]
session = own_session(master)
for view in dakota_wh.spark.register(session, root):
    pq.write_table(session.table(view).toArrow(), f"{folder}/{view}.parquet")
"""


@pytest.mark.skipif(
    not os.environ.get("DAKOTA_WH_ALL_ON_A_CLUSTER"),
    reason="all views on a cluster as well takes minutes: DAKOTA_WH_ALL_ON_A_CLUSTER=1",
)
def test_every_view_says_the_same_on_a_cluster(
    cluster: str, hostile: Warehouse, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq
    import pyspark

    (tmp_path / "spark-defaults.conf").write_text(DEFAULTS, encoding="utf-8")
    words = ["-c", ALL_VIEWS, cluster, str(hostile.path), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=20 * PATIENCE,
        env=environment(Path(pyspark.__file__).parent, SPARK_CONF_DIR=str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    with closing(connect(hostile.path, views.aliases())) as embedded:
        for view in views.aliases():
            answer = embedded.execute(f"SELECT * FROM {view}")
            wanted = sorted_rows(answer.fetchall())
            table = pq.read_table(tmp_path / f"{view}.parquet")
            got = sorted_rows(tuple(row.values()) for row in table.to_pylist())
            assert differences(table.column_names, got, wanted) == [], view


def test_without_java_one_line_says_what_is_missing(tmp_path: Path) -> None:
    need_spark()
    folder.create(tmp_path)
    words = ["query", "runs", "--engine", "spark", "--warehouse", str(tmp_path)]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, "-m", "dakota_wh", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "PATH": path, "JAVA_HOME": str(tmp_path / "nowhere")},
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("dakota-wh: Spark does not start on local[*]: ")
    assert "Java 17" in line
