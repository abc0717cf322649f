"""The program about runs of W&B: options, dry runs, watching, and no secret anywhere."""

from __future__ import annotations

import csv
import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

from dakota_wh import api, demo
from tests.wandb_server import faults
from tests.wandb_server.client import API_KEY, client_env
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import Call, Ingest, curve, wait_until


def test_a_dry_run_lists_and_writes_nothing(server: Server, dakota: Call, tmp_path: Path) -> None:
    for name, made in (("old", "2020-01-01T00:00:00Z"), ("new", "2026-01-01T00:00:00Z")):
        server.add_run(ServedRun("acme", "p", name, rows=curve(9), created_at=made, group="x"))
    server.add_run(ServedRun("acme", "p", "odd", rows=curve(5), group="y"))
    filters = ("--since", "2025-01-01", "--filter", '{"group": "x"}')
    done = dakota("ingest", "acme/p", *filters, "--dry-run")
    assert done.returncode == 0, done.stderr
    [row] = csv.DictReader(done.stdout.splitlines())
    assert (row["run"], row["expected_rows"], row["change"]) == ("acme/p/new", "9", "new")
    assert not (tmp_path / "dakota-warehouse").exists()
    assert dakota("ingest", "acme/p", *filters, "--state", "running").returncode == 3
    missing = dakota("ingest", "acme/p")  # likelier a folder that is not here
    assert missing.returncode == 3
    assert "no file or folder acme/p" in missing.stderr


def test_a_dry_run_of_what_is_stored_asks_nobody(
    server: Server, dakota: Call, ingest: Ingest
) -> None:
    run = server.add_run(ServedRun("acme", "p", "r", rows=curve(9), name="n"))
    assert ingest("acme/p/r")["r"].error is None
    run.log(*curve(1, start=9))
    server.requests.clear()
    words = ("acme/p/r", "acme/p/none", "--local-only", "--dry-run", "--warehouse", "warehouse")
    done = dakota("ingest", *words, WANDB_API_KEY=None)
    assert server.requests.counts() == {}
    assert done.returncode == 6, done.stderr
    assert "has no run acme/p/none, and --local-only asks nobody else" in done.stderr
    [row] = csv.DictReader(done.stdout.splitlines())
    assert (row["run"], row["name"], row["state"]) == ("acme/p/r", "n", "finished")
    assert (row["expected_rows"], row["stored_rows"], row["change"]) == ("9", "9", "unchanged")


def test_a_filter_that_is_none_of_the_services(server: Server, ingest: Ingest) -> None:
    server.add_run(ServedRun("acme", "p", "r", rows=curve(9)))
    [landed] = ingest("acme/p", filters={"config.lr": {"$above": 1}}).values()
    assert landed.error is not None
    assert "unknown filter operator $above" in landed.error.message
    assert "Check --filter" in landed.error.hint


def test_ways_to_name_a_run(server: Server, dakota: Call, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        server.add_run(ServedRun("acme", "p", name, rows=curve(4)))
    (tmp_path / ".env").write_text(f"WANDB_API_KEY={API_KEY}\nWANDB_ENTITY=acme\nWANDB_PROJECT=p\n")
    words = ("one", f"{server.url}/acme/p/runs/two?nw=x", "--run-path", "acme/p/three")
    done = dakota("ingest", *words, WANDB_API_KEY=None)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["one", "two", "three"]
    local = dakota("ingest", "one", "--local-only", WANDB_API_KEY=None)
    assert "unchanged  one" in local.stderr
    assert dakota("ingest", "none", "--local-only").returncode == 3


def test_without_a_key(server: Server, dakota: Call, tmp_path: Path) -> None:
    server.add_run(ServedRun("acme", "p", "r", rows=curve(4)))
    done = dakota("ingest", "acme/p/r", WANDB_API_KEY=None)
    assert done.returncode == 4
    assert done.stderr.startswith("dakota-wh: WANDB_API_KEY not found")
    assert "Local logs" in done.stderr
    assert ".env" in done.stderr
    assert server.requests.counts() == {}
    home = tmp_path / "home"
    host = server.url.removeprefix("http://")
    (home / ".netrc").write_text(f"machine {host} login user password {API_KEY}\n")
    assert dakota("ingest", "acme/p/r", WANDB_API_KEY=None).returncode == 0
    short = dakota("ingest", "acme/p/r", WANDB_API_KEY="short")
    assert (short.returncode, "5 characters" in short.stderr) == (4, True)


def test_nobody_listens(dakota: Call) -> None:
    began = time.monotonic()
    done = dakota("ingest", "acme/p/r", WANDB_BASE_URL=f"http://127.0.0.1:{faults.closed_port()}")
    assert done.returncode == 5
    assert "refused the connection" in done.stderr
    assert time.monotonic() - began < 10


def test_the_key_is_nowhere(server: Server, dakota: Call, tmp_path: Path) -> None:
    config = {"environment": f"WANDB_API_KEY={API_KEY}"}
    server.add_run(ServedRun("acme", "p", "leaks", rows=curve(4, note=API_KEY), config=config))
    server.fault("Run", faults.status(400, f"bad key {API_KEY}"), run="echo")
    words = ("ingest", "acme/p/leaks", "acme/p/echo", "--api-key", API_KEY, "--debug")
    done = dakota(*words, WANDB_API_KEY=None)
    assert done.returncode == 6
    assert "bad key ***" in done.stderr
    assert API_KEY not in done.stdout + done.stderr
    key = API_KEY.encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if key in path.read_bytes()]
    wait_until(lambda: not list((tmp_path / "home").iterdir()))  # wandb-core cleans up by itself


def test_watching_until_the_end(server: Server, tmp_path: Path) -> None:
    run = server.add_run(ServedRun("acme", "p", "live", state="running", rows=curve(10)))

    env = client_env(server.url, tmp_path / "home")
    command = [sys.executable, "-m", "dakota_wh", "watch", "acme/p/live", "--interval", "0.3"]
    with subprocess.Popen(
        command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline()
        for start in (10, 20):
            run.log(*curve(10, start=start), heartbeat_at=f"2026-01-02T05:00:{start}Z")
            time.sleep(0.5)
        run.finish()
        lines = watching.stdout.read().splitlines()
    assert watching.returncode == 0
    assert "step 9  reward 0.666667  loss 0.1  growing" in first
    assert "30 rows" in lines[-1]
    assert lines[-1].endswith("complete")
    assert server.requests.count("Viewer") == 1


def test_watching_goes_on_after_a_proxys_page(server: Server, dakota: Call) -> None:
    """A run that was read before may be so again; one that never was is not waited for."""
    run = server.add_run(ServedRun("acme", "p", "live", state="running", rows=curve(10)))
    server.fault("Run", faults.html(), run="live", skip=1, times=1)
    server.fault("Run", faults.html(), run="never")
    asked = itertools.count(1)

    def finish(_: object) -> bool:
        if next(asked) == 3:
            run.finish()
        return False

    server.fault("Run", faults.html(), run="live", where=finish)
    words = ("acme/p/live", "acme/p/never", "--interval", "0.2", "--jobs", "1", "--times", "9")
    done = dakota("watch", *words)
    assert done.returncode == 6, done.stderr
    live = [line.split("  ", 1)[1] for line in done.stdout.splitlines() if "  live  " in line]
    assert len(live) == 4
    assert "growing" in live[0]
    assert "not W&B's form" in live[1]
    assert live[-1].endswith("complete")


def test_watching_is_interrupted(server: Server, tmp_path: Path) -> None:
    server.add_run(ServedRun("acme", "p", "live", state="running", rows=curve(10)))
    env = client_env(server.url, tmp_path / "home")
    command = [sys.executable, "-m", "dakota_wh", "watch", "acme/p/live", "--interval", "60"]
    with subprocess.Popen(
        command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as watching:
        assert watching.stdout is not None
        assert "10 rows" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=20) == 130
    assert len(api.open(tmp_path / "dakota-warehouse").runs()) == 1
    wait_until(lambda: not list((tmp_path / "home").iterdir()))


def test_watching_a_local_log(tmp_path: Path) -> None:
    logs = demo.unpack(tmp_path / "sample")
    log = min(logs.rglob("*.wandb"))
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    env = client_env("http://127.0.0.1:1", tmp_path / "home", api_key=None)
    command = [sys.executable, "-m", "dakota_wh", "watch", str(log.parent), "--interval", "0.2"]
    with subprocess.Popen(
        command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().endswith("growing\n")
        log.write_bytes(whole)
        lines = watching.stdout.readlines()
    assert watching.returncode == 0
    assert lines[-1].endswith("complete\n")
