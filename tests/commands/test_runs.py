"""The commands that bring runs in, tell of them, and take them out."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh import api
from dakota_wh.commands import shell
from dakota_wh.commands.outcome import tell_outcome
from dakota_wh.errors import NotSignedIn, SomeRunsFailed, WarehouseError
from dakota_wh.ingest.landed import Action, Landed
from tests.ingest.kit import Log

from .conftest import Call, Dakota


def test_ingest_tells_a_line_a_run_and_again_unchanged(
    call: Call, logs: Path, tmp_path: Path
) -> None:
    first = call("ingest", logs, "--warehouse", "w")
    assert first.code == 0
    assert first.out == ""
    assert [line.split()[:3] for line in first.err.splitlines()] == [
        ["stored", "demoorch", "orchestrator"],
        ["stored", "demotrnr", "trainer"],
    ]
    again = call("ingest", logs, "--warehouse", "w", "--format", "json")
    outcomes = json.loads(again.out)
    assert [one["action"] for one in outcomes] == ["unchanged", "unchanged"]
    assert [one["rows"] for one in outcomes] == [240, 240]
    assert all(one["error"] is None and one["exit_code"] == 0 for one in outcomes)


def test_some_of_several_failed(call: Call, logs: Path) -> None:
    result = call("ingest", logs, "not-there", "--warehouse", "w", "--format", "json")
    assert result.code == 6
    assert result.err.splitlines()[-1].startswith("dakota-wh: 1 of 3 runs failed: not-there.")
    assert len(json.loads(result.out)) == 3
    assert call("runs", "--warehouse", "w").out.count("\n") == 3


def outcome(run_id: str, error: WarehouseError | None) -> Landed:
    """Return an outcome that has only what the exit code depends on."""
    action = Action.FAILED if error else Action.STORED
    return Landed(run_id, f"{run_id}.wandb", action, error=error)


def test_the_exit_code_of_failures() -> None:
    refused = NotSignedIn("no key")
    with pytest.raises(NotSignedIn):
        tell_outcome([outcome("a", refused)], as_json=False)
    with pytest.raises(SomeRunsFailed, match="1 of 2 runs failed: b") as caught:
        tell_outcome([outcome("a", None), outcome("b", refused)], as_json=False)
    assert caught.value.exit_code == 6
    with pytest.raises(SomeRunsFailed, match="2 of 2 runs failed: a, b") as caught:
        tell_outcome([outcome("a", refused), outcome("b", refused)], as_json=False)
    assert caught.value.exit_code == 4
    tell_outcome([outcome("a", None)], as_json=False)


def test_why_a_run_is_not_complete_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    landed = Landed(
        "a",
        "a.csv",
        Action.STORED,
        role="trainer",
        rows=500,
        new_rows=500,
        completeness="sampled",
        note="500 of 1000\x1b[31m",
        warnings=("odd",),
    )
    tell_outcome([landed], as_json=False)
    assert capsys.readouterr().err == (
        "stored     a  trainer  500 rows  sampled  from a.csv\n"
        "           500 of 1000\\x1b[31m\n"
        "           odd\n"
    )


def test_show_for_a_person(call: Call, folder: Path) -> None:
    result = call("show", "demoorch", "--warehouse", folder)
    assert result.code == 0
    for part in (
        "demoorch  orchestrator  complete",
        "role        orchestrator: ",
        "step key    step: ",
        "rows        240 of 240",
        "pair        trainer demotrnr: ",
        "metrics/exact_match_reward",
        "model.name",
        f"dakota-wh query reward_trends --run demoorch --warehouse {shlex.quote(str(folder))}",
    ):
        assert part in result.out


def test_show_for_a_program_has_it_all(call: Call, folder: Path) -> None:
    story = json.loads(call("show", "demotrnr", "--format", "json", "--warehouse", folder).out)
    assert set(story) == {
        "run", "pairs", "candidates", "missing_steps", "metrics", "trends", "config", "summary",
    }  # fmt: skip
    assert (story["candidates"], story["missing_steps"]) == ([], 0)
    assert story["run"]["completeness"] == "complete"
    assert story["run"]["warnings"] == []
    assert story["pairs"][0]["orchestrator_run_id"] == "demoorch"
    assert {m["metric"]: m["kind"] for m in story["metrics"]}["loss/mean"] == "loss"
    assert story["config"]["model.name"] == "demo/tiny-0.5b"
    assert story["summary"]["_step"] == 239


def test_show_says_how_to_decide_a_pair(call: Call, tmp_path: Path) -> None:
    warehouse = api.open(tmp_path / "w")
    for run_id, name, key in (
        ("o", "x-orchestrator", "reward/mean"),
        ("t0", "x-trainer", "loss/mean"),
        ("t1", "x-trainer", "loss/mean"),
    ):
        rows = [{"step": s, key: s, "_timestamp": 1.7e9 + 10 * s} for s in range(0, 60, 3)]
        warehouse.ingest(Log(tmp_path, run_id).begin(run_id, name=name).log(*rows).end().write())
    where = ("--warehouse", str(tmp_path / "w"))
    page = call("show", "o", *where).out
    assert "pair        none that is clear; candidates" in page
    for trainer in ("t0", "t1"):
        assert f"{trainer}: " in page
    assert " points, ambiguous: another candidate is less than 2 points below (same name x" in page
    assert f"To decide   dakota-wh pair o t0 --warehouse {tmp_path / 'w'}\n" in page
    # It logs each third step, and misses none by that.
    assert "missing steps" not in page
    story = json.loads(call("show", "t1", "--format", "json", *where).out)
    assert [one["orchestrator_run_id"] for one in story["candidates"]] == ["o"]
    assert (story["run"]["gaps"], story["missing_steps"]) == (38, 0)


def test_show_says_how_to_decide_a_role(call: Call, tmp_path: Path) -> None:
    rows = [{"step": s, "anything": s} for s in (0, 1, 2, 5)]
    api.open(tmp_path / "w").ingest(Log(tmp_path, "r").begin("r").log(*rows).end().write())
    page = call("show", "r", "--warehouse", str(tmp_path / "w")).out
    assert "role        unknown: no keys, name or config that tell" in page
    said = f"run-r.wandb --role ROLE --warehouse {tmp_path / 'w'}  (ROLE: orchestrator, trainer"
    assert said in page
    assert "2 missing steps" in page


def test_runs_has_main_columns_in_a_table_and_all_elsewhere(call: Call, folder: Path) -> None:
    table = call("runs", "--format", "table", "--warehouse", folder).out
    assert table.split("\n")[0].split() == [
        "run_id", "role", "name", "state", "rows", "last_step", "completeness",
    ]  # fmt: skip
    whole = call("runs", "--role", "trainer", "--warehouse", folder).out
    assert "step_evidence" in whole
    assert whole.count("\n") == 2


def test_filters(call: Call, folder: Path) -> None:
    result = call(
        "query", "metrics", "--run", "demoorch", "--metric", "reward/*", "--limit", "3",
        "--warehouse", folder,
    )  # fmt: skip
    assert [line.split(",")[:3] for line in result.out.splitlines()[1:]] == [
        ["demoorch", "orchestrator", "reward/mean"]
    ] * 3
    assert call("query", "reward_trends_v1", "--version", "1", "--warehouse", folder).code == 0


def test_sql_from_everywhere(call: Call, folder: Path, dakota: Dakota, tmp_path: Path) -> None:
    script = tmp_path / "count.sql"
    script.write_text("\ufeff-- how many\nSELECT count(*) AS n FROM runs;\n", encoding="utf-8")
    assert call("sql", "-f", script, "--warehouse", folder).out == "n\n2\n"
    select = "SELECT count(*) AS n FROM runs"
    assert call("sql", select, "--timeout", "0", "--warehouse", folder).out == "n\n2\n"
    done = dakota("sql", "-", "--warehouse", folder, input=select.encode())
    assert done.stdout == b"n\n2\n"


def test_remove_and_rebuild(call: Call, own_folder: Path) -> None:
    refused = call("remove", "demoorch", "--warehouse", own_folder)
    assert refused.code == 2
    assert "--yes" in refused.err
    both = call("remove", "demoorch", "nope", "--yes", "--warehouse", own_folder)
    assert both.code == 3  # and nothing was removed
    assert call("remove", "demoorch", "--yes", "--warehouse", own_folder).err == (
        "removed  demoorch\n"
    )
    rebuilt = call("rebuild", "--warehouse", own_folder, "--format", "json")
    assert [one["run_id"] for one in json.loads(rebuilt.out)] == ["demotrnr"]


@pytest.mark.skipif(
    not (Path(sys.executable).parent / "duckdb").exists(), reason="needs the duckdb shell"
)
def test_the_shell_answers_in_a_moved_folder(own_folder: Path, dakota: Dakota) -> None:
    moved = own_folder.with_name("moved [1]'s")
    own_folder.rename(moved)
    select = "SELECT run_id FROM runs ORDER BY ALL"
    done = dakota("shell", "--warehouse", moved, "-csv", "-header", "-c", select)
    assert done.stdout.split() == [b"run_id", b"demoorch", b"demotrnr"]
    written = dakota("shell", "--warehouse", moved, "-c", "CREATE TABLE t (a INT)")
    assert written.returncode != 0


def test_the_words_after_shell_are_passed_on(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []

    def no_exec(_: object, words: list[str]) -> None:
        called.append(words)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", no_exec)
    monkeypatch.setattr(shell, "find_duckdb", lambda: Path("/bin/duckdb"))
    for words in (["-header", "-c", "x"], ["--", "-h"], ["-html", "--warehouse", "y"], []):
        assert call("shell", "--warehouse", folder, *words).code == 0
        passed = [word for word in words if word != "--"]
        assert called[-1][0] == "/bin/duckdb"
        assert called[-1][1:3] == ["-readonly", "-cmd"]
        assert called[-1][4:] == [str(folder / "warehouse.duckdb"), *passed]


def test_no_duckdb_shell_is_told(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    result = call("shell", "--warehouse", folder)
    assert result.code == 3
    assert "pip install duckdb-cli" in result.err
    assert "dakota-wh sql" in result.err


def test_the_demo_and_the_commands_it_names(tmp_path: Path, dakota: Dakota, call: Call) -> None:
    own = tmp_path / "the users own"
    first = dakota("demo", cwd=tmp_path, env={"DAKOTA_WH_DIR": str(own)})
    assert first.returncode == 0
    assert not own.exists()
    out = first.stdout.decode()
    for part in (
        "metrics/exact_match_reward is dead",
        "demoorch and demotrnr are one training",
        "demotrnr (trainer) is complete",
        "15 NaN",
        "reward/mean",
    ):
        assert part in out
    again = dakota("demo", cwd=tmp_path)
    assert again.stdout == first.stdout
    assert again.stderr.startswith(b"unchanged")
    named = [shlex.split(line) for line in re.findall(r"^  (dakota-wh .*)$", out, re.M)]
    assert [words[1] for words in named] == ["query", "show", "sql", "views", "shell"]
    for words in named[:4]:
        assert call(*words[1:]).code == 0
    assert api.open(tmp_path / "dakota-demo").runs().rows()


def test_the_demo_says_its_folder_in_every_command(tmp_path: Path, dakota: Dakota) -> None:
    place = tmp_path / "a b"
    done = dakota("demo", "--warehouse", place, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.decode().count(f"--warehouse {shlex.quote(str(place))}\n") == 5
    assert not (tmp_path / "dakota-demo").exists()


def test_the_program_is_installed() -> None:
    program = Path(sys.executable).parent / "dakota-wh"
    if program.exists():
        done = subprocess.run([program, "--version"], capture_output=True, check=True)
        assert done.stdout.startswith(b"dakota-wh ")
