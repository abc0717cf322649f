"""Against a server that speaks S3: every command answers as over a folder, errors by their name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dakota_wh import sync
from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import ExitCode, StoreRefused, StoreUnreachable
from dakota_wh.store.address import parse
from dakota_wh.store.trouble import speaking
from tests.store.conftest import Call
from tests.store.kit import ingest, objects, seen
from tests.store.server import SETTINGS
from tests.warehouse import kit


def test_the_way_through(s3: str, tmp_path: Path, call: Call) -> None:
    csv = kit.constant_run(tmp_path / "a", "run1", 1.0)
    folder = tmp_path / "folder"
    assert call("ingest", csv, "--warehouse", s3)[0] == 0
    assert call("sync", s3, folder)[0] == 0
    for words in (["query", "reward_trends"], ["runs"]):
        assert call(*words, "--warehouse", s3) == call(*words, "--warehouse", folder)
    grown = kit.constant_run(tmp_path / "a", "run1", 1.0, steps=30)
    code, _, said = call("ingest", grown, "--warehouse", s3)
    assert (code, "30 rows" in said) == (0, True)
    assert call("sql", "SELECT count(*) FROM history", "--warehouse", s3)[1].endswith("30\n")
    code, out, said = call("doctor", "--offline", "--warehouse", s3)
    assert code == 0, said
    assert f"{s3} answers" in out
    assert SETTINGS["AWS_SECRET_ACCESS_KEY"] not in out + said
    assert call("remove", "run1", "--yes", "--warehouse", s3)[0] == 0
    assert call("query", "metrics", "--run", "run1", "--warehouse", s3)[0] == 3


def test_hostile_ids_come_back(s3: str, memory: str, tmp_path: Path) -> None:
    csv = kit.constant_run(tmp_path / "a", "run1", 1.0)
    hostile = "Aa b+c%41&ünï/code=1"
    ingest(s3, csv, store_as=hostile)
    assert {row[0] for row in open_warehouse(s3).query("metrics", runs=[hostile]).rows()} == {
        hostile
    }
    open_warehouse(s3).remove(hostile)
    assert open_warehouse(s3).runs().rows() == []
    for name in ("null", "12345678", "UPPER"):
        ingest(memory, csv, store_as=name)
    runs = [row["run_id"] for row in open_warehouse(memory).runs().dicts()]
    assert runs == ["12345678", "UPPER", "null"]


def process(*words: object, cache: Path) -> subprocess.Popen[bytes]:
    """Start the command line as a process of its own, on a machine of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dakota_wh", *(str(word) for word in words)],
        env={**os.environ, "DAKOTA_WH_CACHE": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def test_two_processes_at_once_and_one_killed(s3: str, tmp_path: Path) -> None:
    csv = kit.constant_run(tmp_path / "a", "run1", 1.0)
    ingest(s3, csv)
    words = [["--entity", "me", "--project", "mine"], ["--role", "trainer"]]
    running = [
        process("ingest", csv, *some, "--warehouse", s3, cache=tmp_path / str(number))
        for number, some in enumerate(words)
    ]
    for one in running:
        _, said = one.communicate(timeout=120)
        assert one.returncode == 0, said
    [row] = open_warehouse(s3).runs().dicts()
    assert (row["entity"], row["role"], row["project"]) == ("me", "trainer", "mine")
    before = seen(s3, tmp_path / "reader")
    again = [csv, "--force", "--entity", "me", "--project", "mine", "--warehouse", s3]
    victim = process("ingest", *again, cache=tmp_path / "victim")
    time.sleep(1.2)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert seen(s3, tmp_path / "reader") == before
    ingest(s3, csv, force=True, entity="me", project="mine")
    assert seen(s3, tmp_path / "reader") == before


def test_nothing_is_renamed_or_copied(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    for name in ("_cp_file", "_copy_basic", "_copy_etag_preserved", "mv", "_rename"):
        monkeypatch.setattr(s3fs.S3FileSystem, name, None, raising=False)
    for steps in (20, 25):
        ingest(s3, kit.constant_run(tmp_path / str(steps), "run1", 1.0, steps=steps))
    sync(s3, f"{s3}-copy")
    assert open_warehouse(f"{s3}-copy").runs().rows()[0][8] == 25


def test_no_such_bucket(s3: str, call: Call) -> None:
    code, _, said = call("runs", "--warehouse", "s3://no-such-bucket/runs")
    assert code == ExitCode.NOTHING_FOUND
    assert "There is no bucket no-such-bucket" in said


def test_no_warehouse_there(s3: str, call: Call) -> None:
    code, _, said = call("runs", "--warehouse", f"{s3}/else")
    assert code == ExitCode.ERROR
    assert f"There is no warehouse at {s3}/else. Ingest a run first" in said


def test_nobody_answers(s3: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    code, _, said = call("runs", "--warehouse", s3)
    assert code == ExitCode.NETWORK
    assert "does not answer" in said
    assert "AWS_ENDPOINT_URL" in said
    with pytest.raises(StoreUnreachable):
        sync(s3, "copy")


def test_an_endpoint_that_is_none_is_not_repeated(
    s3: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "hunter2:no-address")
    code, out, said = call("runs", "--warehouse", s3)
    assert code == ExitCode.ERROR
    assert "cannot be asked (ValueError). Check the address, AWS_ENDPOINT_URL" in said
    assert "hunter2" not in out + said


@pytest.mark.parametrize("word", ["InternalError", "SlowDown", "503"])
def test_a_store_that_cannot_answer_now(word: str) -> None:
    from botocore.exceptions import ClientError

    address = parse("s3://bucket/runs")
    with (
        pytest.raises(StoreUnreachable, match=rf"cannot answer now \({word}\).*Try it again later"),
        speaking(address),
    ):
        raise OSError("no") from ClientError({"Error": {"Code": word}}, "ListObjectsV2")


def test_no_credentials(s3: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, _, said = call("runs", "--warehouse", s3)
    assert code == ExitCode.AUTHENTICATION
    assert "There are no credentials" in said


def test_wrong_credentials(s3: str, server: str, call: Call) -> None:
    def check_credentials_after(requests: int) -> None:
        to = HTTPConnection(urlsplit(server).netloc)
        to.request("POST", "/moto-api/reset-auth", str(requests), {"Content-Type": "text/plain"})
        assert to.getresponse().status == 200
        to.close()

    check_credentials_after(0)
    try:
        code, out, said = call("runs", "--warehouse", s3, "--debug")
        assert code == ExitCode.AUTHENTICATION
        assert "does not take these credentials (InvalidAccessKeyId)" in said
        assert SETTINGS["AWS_SECRET_ACCESS_KEY"] not in out + said
        with pytest.raises(StoreRefused):
            open_warehouse(s3).runs()
    finally:
        check_credentials_after(2**31)


def test_the_extra_is_missing(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    code, _, said = call("runs", "--warehouse", "s3://bucket/runs")
    assert code == ExitCode.ERROR
    assert "pip install 'dakota-wh[s3]'" in said


def test_a_store_that_is_none(call: Call) -> None:
    code, _, said = call("runs", "--warehouse", "ftp://host/runs")
    assert code == ExitCode.USAGE
    assert "Known: s3://, gs://, az://" in said


def test_the_environment_names_a_store(
    s3: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(s3, kit.constant_run(tmp_path / "a", "run1", 1.0))
    monkeypatch.setenv("DAKOTA_WH_DIR", s3)
    code, out, _ = call("runs")
    assert code == 0
    assert "run1" in out
    assert not list(Path.cwd().iterdir())
    assert urlsplit(s3).scheme == "s3"
    assert objects(s3).listed()
