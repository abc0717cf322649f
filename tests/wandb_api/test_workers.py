"""Processes and folders: what a worker takes from where it runs, and what is left of one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landing import Options
from dakota_wh.ingest.wandb_api.pool import Workers
from dakota_wh.ingest.wandb_api.private_folder import PrivateFolder, sweep_abandoned
from dakota_wh.ingest.wandb_api.tasks import Worker
from dakota_wh.warehouse.run_lock import run_lock
from tests.wandb_server import faults
from tests.wandb_server.client import client_env
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import curve, wait_until
from .test_streams import bring

LONG_AGO = time.time() - 3600


def children(pid: int) -> list[int]:
    """Return the processes that a process started, as Linux tells it (proc_pid_task(5))."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in listed for child in path.read_text().split()]


def test_a_worker_takes_nothing_from_where_it_is_started(
    server: Server, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Python file of the working folder is run; a training's own wandb-core is let be."""
    server.add_run(ServedRun("acme", "p", "t", rows=curve(5)))
    for name in ("json", "queue", "wandb", "dataclasses"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()\nraise SystemExit(3)\n")
    monkeypatch.setenv("WANDB_SERVICE", f"3-{os.getpid()}-unix-/nowhere/socket")
    with Workers() as workers:
        landed = bring(warehouse, workers)
    assert (landed.error, landed.rows) == (None, 5)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_an_ingest_that_ends(
    server: Server, tmp_path: Path, how: signal.Signals
) -> None:
    """Two workers wait for answers that do not come; they and their helpers end, however it does.

    What they had in the temporary folder goes with them, and the runs' locks are free.
    """
    if not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():
        pytest.skip("this system does not tell which processes another one started")
    for name in ("a", "b"):
        server.add_run(ServedRun("acme", "p", name, rows=curve(20)))
    server.fault("HistoryPage", faults.hang())
    home = tmp_path / "home"
    command = [sys.executable, "-m", "dakota_wh", "ingest", "acme/p/a", "acme/p/b"]
    with subprocess.Popen(
        command, env=client_env(server.url, home), cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as ingesting:
        wait_until(lambda: server.requests.count("HistoryPage") == 2)
        workers = children(ingesting.pid)
        helpers = [pid for worker in workers for pid in children(worker)]
        assert (len(workers), len(helpers)) == (2, 2)
        assert len(list(home.glob("dakota-wh-*"))) == 2
        ingesting.send_signal(how)
        ingesting.wait(timeout=30)
    assert ingesting.returncode == {signal.SIGINT: 130}.get(how, -how)
    wait_until(lambda: not any(map(_runs, [*workers, *helpers])))
    wait_until(lambda: not list(home.iterdir()))
    for name in ("a", "b"):
        # A process that ended gives its locks back a moment later, on a machine that is busy.
        with run_lock(tmp_path / "dakota-warehouse", name, wait=10):
            pass


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a temporary folder that is empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def aged(folder: Path) -> Path:
    """Let a folder be an hour old."""
    os.utime(folder, (LONG_AGO, LONG_AGO))
    return folder


def test_only_what_nobody_uses_is_swept(temporary: Path) -> None:
    used, young = PrivateFolder.make(), PrivateFolder.make()
    aged(used.path)
    young._lock.release()  # as when its owner has died
    crashed = temporary / "dakota-wh-worker-crashed_"
    (crashed / "wandb").mkdir(parents=True)
    (crashed / "wandb" / "file").write_bytes(b"x")
    (crashed / "owner.lock").touch()
    # Somebody else's: no lock of ours in it, or a name that tempfile does not give.
    bare = temporary / "dakota-wh-worker-backup_1"
    named = temporary / "dakota-wh-worker-backup-of-mine"
    another = temporary / "another"
    for folder in (bare, another):
        folder.mkdir()
    target = temporary / "target"
    shutil.copytree(crashed, target)
    (temporary / "dakota-wh-worker-link").symlink_to(target)
    shutil.copytree(crashed, named)
    for folder in (crashed, bare, named, another, target):
        aged(folder)
    sweep_abandoned()
    left = {path.name for path in temporary.iterdir()}
    link = temporary / "dakota-wh-worker-link"
    kept = (used.path, young.path, bare, named, another, target, link)
    assert left == {path.name for path in kept}
    assert not list(bare.iterdir())
    assert (target / "wandb" / "file").exists()
    used.remove()
    assert not used.path.exists()


def test_what_a_killed_process_left_is_swept(temporary: Path) -> None:
    """The system frees the lock of a process that is gone, whoever has its id now."""
    program = (
        f"import os, sys, tempfile; tempfile.tempdir = {str(temporary)!r}\n"
        "from dakota_wh.ingest.wandb_api.private_folder import PrivateFolder\n"
        "folder = PrivateFolder.make(); print(folder.path, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holding:
        assert holding.stdout is not None
        path = aged(Path(holding.stdout.readline().strip()))
        sweep_abandoned()
        assert path.exists()
        holding.kill()
        holding.wait()
        sweep_abandoned()
        assert not path.exists()


def test_another_users_folder_is_let_be(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "getuid"):
        pytest.skip("this system has no user ids")
    folder = temporary / "dakota-wh-worker-theirs_1"
    folder.mkdir()
    (folder / "owner.lock").touch()
    aged(folder)
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    sweep_abandoned()
    assert folder.exists()
    monkeypatch.setattr(os, "getuid", lambda: mine)
    sweep_abandoned()
    assert not folder.exists()


def test_a_run_that_another_process_ingests_is_said_in_time(tmp_path: Path) -> None:
    """Before the deadline ends the worker, which would be taken for a slow service."""
    (tmp_path / "w").mkdir()
    client: Any = SimpleNamespace(timeout=0.5, until=None)
    task = {
        "task": "ingest",
        "root": str(tmp_path / "w"),
        "address": {"run_id": "r", "project": "p", "entity": "acme"},
        "options": asdict(Options()),
        "max_samples": None,
    }
    with run_lock(tmp_path / "w", "r"):
        told = Worker(client, tmp_path, None, lambda _: None).do(task)
    assert "is being ingested by another process" in told["error"]["message"]
    if Path("/proc/locks").exists():
        assert f"process {os.getpid()} (" in told["error"]["message"]
