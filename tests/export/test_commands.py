"""``dakota-wh export`` and ``analyze`` as they are typed; what they refuse and leave behind."""

from __future__ import annotations

import csv
import errno
import gc
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter.exceptions

from dakota_wh import api
from dakota_wh.cli import run as run_cli
from dakota_wh.export import xlsx_file
from dakota_wh.export.stored_run import opened_run
from dakota_wh.ingest.source import LogRows
from tests.export.conftest import Made, store
from tests.export.test_round_trip import logs

NO_NETWORK = ("WANDB_API_KEY", "WANDB_ENTITY", "WANDB_PROJECT", "WANDB_BASE_URL")


class Call:
    """Calls the command line in this process, in a folder of its own, without W&B's settings."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.capsys = capsys

    def __call__(self, *args: object) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = run_cli([*map(str, args), "--warehouse", str(self.root)])
        out, err = self.capsys.readouterr()
        return code, out, err


@pytest.fixture
def call(
    demo_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Call:
    monkeypatch.chdir(tmp_path)
    for name in (*NO_NETWORK, "DAKOTA_ORCHESTRATOR_RUN", "DAKOTA_TRAINER_RUN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    return Call(demo_folder, capsys)


def test_export_into_the_guides_folder(call: Call, tmp_path: Path) -> None:
    code, out, err = call("export", "demoorch", "--run-path", "demotrnr")
    assert code == 0, err
    names = [f"_{word}" for word in ("metadata.json", "summary.json", "config.json", "export.json")]
    wanted = [
        f"wandb_analysis/{run}/{run}{name}"
        for run in ("demoorch", "demotrnr")
        for name in (*names, "_history.csv")
    ]
    assert out.splitlines() == wanted
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == sorted(wanted)
    assert err == (
        "exported   demoorch  240 rows  complete\nexported   demotrnr  240 rows  complete\n"
    )
    again = call("export", "demoorch", "demotrnr")
    assert (again[0], again[1]) == (0, out)


def test_the_same_bytes_again(call: Call, tmp_path: Path) -> None:
    def files(folder: str) -> dict[str, bytes]:
        words = ("--format", "json", "--format", "csv", "--format", "parquet")
        assert call("export", "demoorch", *words, "--output-dir", folder)[0] == 0
        return {path.name: path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}

    assert files("one") == files("other")


def test_the_guides_names(call: Call, tmp_path: Path) -> None:
    assert call("export", "demoorch", "--name", "dakota_rl_wandb")[0] == 0
    folder = tmp_path / "wandb_analysis"
    assert {"dakota_rl_wandb_export.json", "dakota_rl_wandb_history.csv"} <= set(os.listdir(folder))
    (landed,) = api.open(tmp_path / "wh").ingest(folder)
    assert landed.run_id == "demoorch"  # the files say whose they are, not their names
    assert call("export", "demoorch", "demotrnr", "--name", "x")[0] == 2
    assert call("export", "demoorch", "--name", "../x")[0] == 2


def test_a_foreign_file_is_not_replaced_unasked(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "wandb_analysis" / "demoorch"
    folder.mkdir(parents=True)
    foreign = folder / "demoorch_history.csv"
    foreign.write_text("_step\n0\n")
    code, out, err = call("export", "demoorch")
    assert (code, out) == (1, "")
    assert "demoorch_history.csv is there already" in err
    assert "--force" in err
    assert os.listdir(folder) == [foreign.name]
    assert foreign.read_text() == "_step\n0\n"
    assert call("export", "demoorch", "--force")[0] == 0
    assert len(foreign.read_text().splitlines()) == 241
    assert call("export", "demoorch")[0] == 0  # ours by now
    # Another run's export under the same name is foreign, too.
    assert call("export", "demoorch", "--name", "x")[0] == 0
    assert call("export", "demotrnr", "--name", "x")[0] == 1


TABLE = [
    ("export", 2, "Missing argument 'RUN...'"),
    (
        "export nope",
        3,
        "No data available: the warehouse has no run nope. It has: demoorch, demotr",
    ),
    ("export nope --local-only", 3, "Without --local-only"),
    ("export acme/p", 2, "which run of it?"),
    ("export other/project/demoorch", 1, "another run demoorch"),
    ("export acme/p/nope", 4, "WANDB_API_KEY not found"),
    ("export demoorch --format xml", 2, "'xml'"),
    ("export demoorch --curves --format csv", 2, "--format is for whole runs"),
    ("export demoorch --curves --name x", 2, "--name is for whole runs"),
    ("export demoorch demoorc2 --curves --local-only", 3, "no run demoorc2"),
    ("analyze --orchestrator-run nope --local-only", 3, "No data available"),
    ("analyze --trainer-run acme/p/nope", 4, "WANDB_API_KEY not found"),
    ("analyze --orchestrator-run acme/p/nope --local-only", 3, "No data available"),
]


@pytest.mark.parametrize(("words", "code", "part"), TABLE)
def test_one_line_with_its_exit_code(call: Call, words: str, code: int, part: str) -> None:
    got, out, err = call(*words.split())
    assert (got, out) == (code, ""), err
    assert part in err
    assert err.startswith("dakota-wh: ")
    assert err.count("\n") == 1


def test_never_into_the_warehouse(call: Call, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(call.root)
    for folder in (call.root, call.root / "runs" / "x", tmp_path / "link" / "y"):
        for command in (["export", "demoorch"], ["export", "demoorch", "--curves"], ["analyze"]):
            code, _, err = call(*command, "--output-dir", folder)
            assert code == 2
            assert "lies inside the warehouse" in err
    (tmp_path / "file").write_text("")
    code, _, err = call("export", "demoorch", "--output-dir", tmp_path / "file")
    assert (code, err.count("\n")) == (1, 1)


def test_analyze_prints_tables_and_files(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = call("analyze")
    assert code == 0, err
    assert "orchestrator: demoorch (demo-grpo-orchestrator, finished)" in out
    for words in ("Reward statistics (240 rows)", "Reward trends", "Training metrics (240 rows)"):
        assert words in out
    line = next(line for line in out.splitlines() if line.startswith("reward/mean"))
    with (tmp_path / "wandb_analysis" / "orchestrator_rewards.csv").open(newline="") as file:
        mean = fmean(float(row["reward/mean"]) for row in csv.DictReader(file))
    assert line.split()[:3] == ["reward/mean", "240", f"{mean:.5g}"]
    assert "written    wandb_analysis/reward_analysis_summary.json" in err
    document = tmp_path / "wandb_analysis" / "reward_analysis_summary.json"
    monkeypatch.setenv("DAKOTA_TRAINER_RUN", "demotrnr")
    code, out, _ = call("analyze", "--format", "json", "--local-only")
    assert json.loads(out) == json.loads(document.read_text())
    monkeypatch.setenv("DAKOTA_ORCHESTRATOR_RUN", "nope")
    assert call("analyze", "--local-only")[0] == 3


def test_a_run_that_is_not_complete_is_told(tmp_path: Path, call: Call) -> None:
    warehouse = store(tmp_path / "wh", Made(logs([{"reward/mean": 1.0}]), facts_={"torn": True}))
    facts: dict[str, Any] = {"lost_records": 2}
    store(tmp_path / "wh", Made(logs([{"reward/mean": 1.0}]), run_id="lossy", facts_=facts))
    store(tmp_path / "wh", Made([], run_id="empty"))
    call.root = warehouse.path
    _, _, err = call("export", "lossy", "empty")
    assert "exported   lossy  1 row  truncated\n           2 records lost" in err
    assert "Empty history data" in err


def test_xlsx_holds_values_and_no_formulas(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_file, "MAX_ROWS", 4)
    monkeypatch.setattr(xlsx_file, "MAX_COLUMNS", 5)
    rows = [
        {
            "t": "=1+1",
            "x": 0.1,
            "i": 2**53 + 1,
            "n": float("nan"),
            "b": True,
            "=k": 1,
            "u": "https://x",
        },
        *({"t": "a" * 40_000 if n == 2 else "@x", "x": float(n)} for n in range(1, 8)),
    ]
    warehouse = store(tmp_path / "wh", Made(logs(rows), facts_={"config": {"c": "=2+2"}}))
    call.root = warehouse.path
    assert call("export", "made", "--format", "xlsx", "--output-dir", tmp_path)[0] == 0
    file = tmp_path / "made" / "made.xlsx"
    book = openpyxl.load_workbook(file)
    assert book.sheetnames[:6] == ["history", *(f"history {n}" for n in range(2, 7))]
    cells = [cell for sheet in book for row in sheet for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert "=1+1" in [cell.value for cell in cells]
    first = [[cell.value for cell in row] for row in book["history"]]
    assert first[0] == ["_step", "=k", "b", "i", "n"]
    assert first[1] == [0, 1, True, str(2**53 + 1), "nan"]
    steps = [
        row[0].value for n in (1, 3, 5) for row in book[f"history {n}" if n > 1 else "history"]
    ]
    assert steps == ["_step", 0, 1, 2, "_step", 3, 4, 5, "_step", 6, 7]
    assert {row[0].value: row[1].value for row in book["config"]}["c"] == "=2+2"
    about = {row[0].value: row[1].value for row in book["run"]}
    assert about["texts cut at 32,767 characters"] == 1
    assert about["history sheets"] == 6
    with zipfile.ZipFile(file) as archive:
        sheets = [archive.read(n) for n in archive.namelist() if "worksheets/" in n]
    assert not any(b"<f>" in sheet or b"hyperlink" in sheet for sheet in sheets)


def test_xlsx_without_its_library(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    code, out, err = call("export", "demoorch", "--format", "xlsx")
    assert (code, out) == (1, "")
    assert "uv tool install '.[xlsx]'" in err
    assert "pip install 'dakota-wh[xlsx]'" in err


def test_a_full_disk_leaves_what_was_there(demo_folder: Path, tmp_path: Path) -> None:
    words = ["export", "demoorch", "--output-dir", str(tmp_path / "out")]
    words += [f"--format={one}" for one in ("csv", "json", "parquet", "xlsx")]
    words += ["--warehouse", str(demo_folder)]
    assert run_cli(words) == 0
    folder = tmp_path / "out" / "demoorch"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def nearly_full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    for one in ("csv", "json", "parquet", "xlsx"):
        done = subprocess.run(
            [sys.executable, "-m", "dakota_wh", *words[:4], f"--format={one}", *words[-2:]],
            preexec_fn=nearly_full,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, (one, done.stderr)
        assert done.stderr.startswith("dakota-wh: ")
        assert done.stderr.count("\n") == 1, done.stderr
        assert f"{folder}/demoorch" in done.stderr
        assert "cannot be written: File too large. Write elsewhere: --output-dir" in done.stderr
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


class Full(io.BytesIO):
    """A file on a disk that is full from the first byte on."""

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_workbook_on_a_full_disk_is_one_error(demo_folder: Path, tmp_path: Path) -> None:
    """The archive is thrown away in silence: a traceback of its own would be an error here."""
    full = pytest.raises(xlsxwriter.exceptions.FileCreateError)
    with opened_run(demo_folder, "demoorch") as run, full:
        xlsx_file._write(xlsx_file._Sink(Full()), tmp_path, run, run.info([]))
    gc.collect()


def test_a_folder_in_the_way_changes_nothing(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "wandb_analysis" / "demoorch"
    (folder / "demoorch_history.csv").mkdir(parents=True)
    code, _, err = call("export", "demoorch", "--force")
    assert code == 1
    assert "demoorch_history.csv cannot be written: it is a folder" in err
    assert os.listdir(folder) == ["demoorch_history.csv"]


def test_numbers_near_the_greatest_make_no_noise(tmp_path: Path, call: Call) -> None:
    """A warning of numpy's would be an error here."""
    rows = [{"x": value} for value in (1e308, -1e308, 1e308)]
    call.root = store(tmp_path / "wh", Made(logs(rows))).path
    code, _, err = call("export", "made", "--format", "json", "--format", "xlsx")
    assert code == 0, err
    document = json.loads((tmp_path / "wandb_analysis/made/made_export.json").read_text())
    keys = document["available_metrics"]["keys"]
    assert (keys["x"]["monotonic"], keys["_step"]["monotonic"]) == (False, True)
    assert document["statistics"]["x"]["max"] == 1e308


def test_what_to_do_about_an_empty_local_log(tmp_path: Path, call: Call) -> None:
    """It is no run of W&B that could be fetched again."""
    call.root = store(tmp_path / "wh", Made([], run_id="empty1")).path
    code, _, err = call("analyze", "--orchestrator-run", "empty1", "--local-only")
    assert code == 3
    assert "dakota-wh ingest PATH, where made.wandb lies" in err
    assert "--force-fetch" not in err


def test_stdout_to_a_reader_that_leaves(demo_folder: Path, tmp_path: Path) -> None:
    script = (
        f"{sys.executable} -m dakota_wh export demoorch demotrnr --output-dir {tmp_path}/out "
        f"--warehouse {demo_folder} | true; echo ${{PIPESTATUS[0]}}"
    )
    bash = shutil.which("bash") or pytest.skip("there is no bash")
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() in ("0", "141")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to ask for memory")
def test_a_long_run_streams(tmp_path: Path) -> None:
    """200,000 rows of 8 keys take hardly more memory than 20,000: less than half of the files."""

    class Long(Made):
        def rows(self) -> Any:
            for first in range(0, int(self.run_id), 20_000):
                steps = np.arange(first, first + 20_000)
                columns: dict[tuple[str, ...], Any] = {("_step",): pa.array(steps)}
                for key in range(7):
                    columns[(f"k{key}",)] = pa.array(np.sin(steps + key))
                yield LogRows(20_000, columns)

    for run in ("20000", "200000"):
        store(tmp_path / "wh", Long([], run_id=run))

    def peak(run: str) -> int:
        code = (
            "import sys; from dakota_wh.cli import run; assert run(sys.argv[1:]) == 0; "
            "lines = open('/proc/self/status').read().splitlines(); "
            "sys.stderr.write(next(line.split()[1] for line in lines if 'VmHWM' in line))"
        )
        words = ["export", run, "--output-dir", str(tmp_path / "out"), "--format=csv"]
        words += ["--format=json", "--warehouse", str(tmp_path / "wh")]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        return int(done.stderr.splitlines()[-1])

    grown = peak("200000") - peak("20000")
    folder = tmp_path / "out" / "200000"
    written = sum(path.stat().st_size for path in folder.iterdir()) // 1024
    assert written > 60_000
    assert grown < written / 2, f"{grown} KiB more for {written} KiB"
    with (folder / "200000_history.csv").open(newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == 200_001
