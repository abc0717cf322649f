"""Each fault is put there by hand: the doctor names it and says what to do; the exit code fits."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dakota_wh import api, demo
from dakota_wh.cli import run
from dakota_wh.doctor.told import State, Told, exit_code
from dakota_wh.errors import ExitCode, WarehouseError
from dakota_wh.ingest.wandb_api.from_file import TAKEN
from dakota_wh.warehouse.integrity import examine
from dakota_wh.warehouse.run_lock import run_lock

KEY = "0123456789abcdef" * 3

Doctor = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse folder with the demo's two runs; not to be changed."""
    root = tmp_path_factory.mktemp("doctor") / "warehouse"
    api.open(root).ingest(demo.unpack(tmp_path_factory.mktemp("sample")))
    return root


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    """Give a copy of it that a test may harm, with views of its own place."""
    root = tmp_path / "warehouse"
    shutil.copytree(stored, root)
    api.open(root).runs()
    return root


@pytest.fixture
def doctor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Doctor]:
    """Call the doctor in an empty home; return its exit code and what it told."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "DAKOTA_WH_DIR", "NETRC", "WANDB_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def calling(*args: object) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        code = run(["doctor", "--format", "json", *(str(arg) for arg in args)])
        said = capsys.readouterr()
        assert KEY not in said.out + said.err
        return code, json.loads(said.out)

    yield calling
    for name in TAKEN:  # a .env file speaks to one test only
        os.environ.pop(name, None)
    os.environ.update({name: before[name] for name in TAKEN if name in before})
    TAKEN.clear()


def bad(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what is a warning or an error."""
    return [one for one in told if one["state"] in ("warning", "error")]


def parts(folder: Path, table: str) -> list[Path]:
    """Return a table's part files of the demo's orchestrator."""
    return sorted((folder / table / "role=orchestrator").glob("run_id=*/part-*.parquet"))


def test_a_healthy_warehouse(doctor: Doctor, folder: Path) -> None:
    """Nothing is wrong: exit code 0, and every file was read."""
    code, told = doctor("--warehouse", folder)
    assert (code, bad(told)) == (0, [])
    runs = next(one for one in told if one["subject"] == "runs")
    files = len(list(folder.glob("*/role=*/run_id=demo*/part-*.parquet")))
    assert runs["what"].startswith(f"2 runs, {files} files, ")


def test_it_changes_nothing(doctor: Doctor, folder: Path) -> None:
    """Not a byte of the data is written."""
    before = {p: p.read_bytes() for p in folder.rglob("*.parquet")}
    doctor("--warehouse", folder)
    assert before == {p: p.read_bytes() for p in folder.rglob("*.parquet")}


def test_any_turned_bit_is_found(folder: Path) -> None:
    """Of forty bits turned at random in data files, all are found, one at a time."""
    chance = random.Random(20261123)
    files = [*parts(folder, "history"), *parts(folder, "metrics"), *parts(folder, "steps")]
    for _ in range(40):
        path = chance.choice(files)
        whole = path.read_bytes()
        harmed = bytearray(whole)
        harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
        path.write_bytes(harmed)
        faults = [fault for run in examine(folder) for fault in run.faults]
        assert [fault.file for fault in faults] == [path.relative_to(folder).as_posix()]
        path.write_bytes(whole)
    assert not [fault for run in examine(folder) for fault in run.faults]


def test_a_cut_file_is_named_with_what_to_do(doctor: Doctor, folder: Path) -> None:
    """Also by a quick look, which reads the footers."""
    path = parts(folder, "history")[0]
    path.write_bytes(path.read_bytes()[:-100])
    for options in ((), ("--quick",)):
        code, told = doctor("--warehouse", folder, *options)
        (fault,) = bad(told)
        assert code == 1
        assert path.name in fault["what"]
        assert fault["do"] == "dakota-wh remove demoorch, then ingest it again"


def test_a_missing_part_is_found(doctor: Doctor, folder: Path) -> None:
    """A file that somebody deleted is no run without rows; what is derived can be made anew."""
    (path,) = parts(folder, "metrics")
    path.unlink()
    code, told = doctor("--warehouse", folder)
    assert code == 1
    (fault,) = bad(told)
    assert fault["what"] == f"{path.relative_to(folder).as_posix()}: is missing"
    assert fault["do"] == "dakota-wh rebuild"
    assert [run.error for run in api.open(folder).rebuild()] == [None, None]
    assert bad(doctor("--warehouse", folder)[1]) == []


def test_what_is_damaged_is_not_called_whole(doctor: Doctor, folder: Path) -> None:
    """No line says that every byte was as it was stored, and the dearest remedy comes first."""
    for table in ("metrics", "history"):
        path = parts(folder, table)[0]
        harmed = bytearray(path.read_bytes())
        harmed[len(harmed) // 2] ^= 1
        path.write_bytes(harmed)
    code, told = doctor("--warehouse", folder)
    assert code == 1
    assert [one["do"].split()[1].rstrip(",") for one in bad(told)] == ["remove", "rebuild"]
    runs = next(one for one in told if one["subject"] == "runs")
    assert (runs["state"], "held to its hash" in runs["what"]) == ("note", False)
    assert "1 of the runs damaged" in runs["what"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def rename_a_column(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"metric", b"mitric"))


@pytest.mark.parametrize("harm", [cut, rename_a_column, Path.unlink])
def test_a_damaged_schema_file_is_named_and_rebuild_mends_it(
    doctor: Doctor, folder: Path, harm: Callable[[Path], object]
) -> None:
    """It holds no row, and without it no query answers."""
    path = folder / "metrics/role=zz_schema/run_id=zz_schema/part-schema.parquet"
    harm(path)
    for options in ((), ("--quick",)):
        code, told = doctor("--warehouse", folder, *options)
        (fault,) = bad(told)
        assert code == 1
        assert fault["what"].startswith(path.relative_to(folder).as_posix())
        assert fault["do"] == "dakota-wh rebuild"
    if harm is cut:
        with pytest.raises(WarehouseError, match="dakota-wh rebuild"):
            api.open(folder).query("metrics")
    assert [run.error for run in api.open(folder).rebuild()] == [None, None]
    assert bad(doctor("--warehouse", folder)[1]) == []
    assert len(api.open(folder).query("metrics", limit=1)) == 1


def test_a_certificate_that_is_no_longer_true_is_found(doctor: Doctor, folder: Path) -> None:
    """A readable file with a row less than the certificate says."""
    path = parts(folder, "history")[0]
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(0, 239), path)
    code, told = doctor("--warehouse", folder)
    assert code == 1
    assert "is not the file that was stored: its bytes differ" in bad(told)[0]["what"]
    code, told = doctor("--warehouse", folder, "--quick")
    assert code == 1
    assert bad(told)[0]["what"] == "history has 239 rows where its certificate says 240"


def test_leftovers_are_a_note(doctor: Doctor, folder: Path) -> None:
    """What a killed ingest left is harmless, and told."""
    stray = parts(folder, "metrics")[0].with_name("part-0000000000-00000000000000ff.parquet")
    pq.write_table(pa.table({"_part": [255]}), stray)
    code, told = doctor("--warehouse", folder)
    assert (code, bad(told)) == (0, [])
    assert any(one["what"].startswith("1 files of earlier states") for one in told)


def test_a_stale_catalogue_is_told(doctor: Doctor, folder: Path) -> None:
    """And what to type makes it current."""
    (folder / "warehouse.duckdb").unlink()
    code, told = doctor("--warehouse", folder)
    assert code == 0
    (fault,) = bad(told)
    assert (fault["what"], fault["do"]) == ("is missing", "dakota-wh runs, which makes it anew")
    api.open(folder).runs()
    assert bad(doctor("--warehouse", folder)[1]) == []


def test_a_held_lock_is_told_with_its_holder(doctor: Doctor, folder: Path) -> None:
    """By the number of the process, where the system tells it."""
    program = (
        "import sys, pathlib; from dakota_wh.warehouse.run_lock import run_lock\n"
        "with run_lock(pathlib.Path(sys.argv[1]), 'demoorch'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    arguments = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        _, told = doctor("--warehouse", folder)
        (lock,) = [one for one in told if one["about"] == "locks"]
        assert lock["subject"] == "demoorch"
        if Path("/proc/locks").exists():
            assert f"process {holder.pid} (" in lock["what"]
        holder.communicate(b"")
    with run_lock(folder, "demoorch", wait=1):
        pass  # the look itself left it free


def test_no_warehouse_yet_is_no_fault(doctor: Doctor, tmp_path: Path) -> None:
    """A folder that is something else is one."""
    code, told = doctor("--warehouse", tmp_path / "nothing")
    assert (code, bad(told)) == (0, [])
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("x")
    code, told = doctor("--warehouse", other)
    assert code == 1
    assert bad(told)[0]["about"] == "warehouse"


def test_settings_say_where_they_came_from(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flag, environment, .env, .netrc; the key is masked."""
    (tmp_path / ".env").write_text(f"WANDB_ENTITY=me\nWANDB_API_KEY={KEY}\nWANDB_PROJECT=file\n")
    monkeypatch.setenv("WANDB_PROJECT", "shell")
    monkeypatch.delenv("WANDB_ENTITY", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://me:a-word@host:9000")
    _, told = doctor("--offline")
    said = {one["subject"]: one["what"] for one in told if one["about"] == "settings"}
    assert said["WANDB_ENTITY"] == f"me, from {tmp_path / '.env'}"
    assert said["WANDB_PROJECT"] == "shell, from the environment"
    assert said["key"] == f"*** (48 characters), from {tmp_path / '.env'}"
    assert said["AWS_ENDPOINT_URL"] == "https://***@host:9000, from the environment"
    assert said["warehouse"].endswith("dakota-warehouse, from the default")


@pytest.mark.parametrize("place", [".env", "wandb/settings"])
def test_the_file_that_names_the_server_is_told(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """And that no key goes there where anybody on the way could read it."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    line = "WANDB_BASE_URL={}" if place == ".env" else "[default]\nbase_url = {}"
    file.write_text(line.format("https://wb.example.com"))
    code, told = doctor("--offline")
    (server,) = [one["what"] for one in told if one["subject"] == "server"]
    assert server == f"https://wb.example.com, from {file}"
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    file.write_text(line.format("http://wb.example.com"))
    code, told = doctor()
    (server,) = [one for one in told if one["subject"] == "server"]
    assert (code, server["state"]) == (2, "error")
    assert str(file) in server["what"]
    assert not [one for one in told if one["about"] == "service"]


def test_a_key_of_netrc(doctor: Doctor, tmp_path: Path) -> None:
    """Found, masked, and not sent anywhere with --offline."""
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine api.wandb.ai login user password {KEY}\n")
    netrc.chmod(0o600)
    _, told = doctor("--offline")
    assert any(one["what"] == "*** (48 characters), from .netrc" for one in told)
    assert not [one for one in told if one["about"] == "service"]


class Answers(BaseHTTPRequestHandler):
    """A server that answers every request with one status."""

    status = 200

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=[200, 401, 503])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """Give a local server's address and the status of its answers."""
    handler = type("Handler", (Answers,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", request.param
        http.shutdown()
        thread.join()


def test_the_service_is_asked(
    doctor: Doctor, server: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer decides: fine, a refused key (4), an error of its own (5)."""
    url, status = server
    monkeypatch.setenv("WANDB_BASE_URL", url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    code, told = doctor()
    (service,) = [one for one in told if one["about"] == "service"]
    assert code == {200: 0, 401: 4, 503: 5}[status]
    assert (service["state"] == "ok") == (status == 200)
    assert bool(service["do"]) == (status != 200)


def test_a_refused_port_is_the_network(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 5."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    code, told = doctor()
    assert code == 5
    assert "refused the connection" in bad(told)[0]["what"]


def test_errors_that_disagree_are_plain_errors() -> None:
    """A warning never fails; two kinds of error give 1."""
    told = [Told("a", "b", State.WARNING, "c"), Told("a", "b", State.NOTE, "c")]
    assert exit_code(told) == ExitCode.OK
    told.append(Told("a", "b", State.ERROR, "c", exit_code=ExitCode.NETWORK))
    assert exit_code(told) == ExitCode.NETWORK
    told.append(Told("a", "b", State.ERROR, "c"))
    assert exit_code(told) == ExitCode.ERROR
