"""Every command answers over a store as over a folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

from dakota_wh import sync
from dakota_wh.errors import ExitCode
from tests.store.conftest import Call
from tests.store.kit import ingest, seen
from tests.warehouse import kit

#: Commands that only read.
READING = (
    "runs --format json",
    "query reward_trends",
    "query metrics --run trn --limit 50",
    "query reward_loss_by_step --limit 20",
    "query history --run orch --limit 5 --format json",
    "show trn --format json",
    "check --format json",
    "compare orch other --metric reward/mean",
    "plot orch",
    "export orch --format json --output-dir out",
)


def a_training(folder: Path) -> list[Path]:
    """Write the two runs of a small training."""
    steps = range(25)
    common = {"step": steps, "_step": steps, "_timestamp": [1000.5 + i for i in steps]}
    rewards = {"reward/mean": [i / 25 for i in steps], "metrics/exact": [0.5] * 25}
    losses = {"loss/mean": [1 / (i + 1) for i in steps], "entropy/mean": [0.3] * 25}
    return [
        kit.write_csv(folder, "orch", {**common, **rewards}, summary={"reward/mean": 0.96}),
        kit.write_csv(folder, "trn", {**common, **losses}, config={"loss": {"type": "x"}}),
    ]


def without_times(text: str) -> str:
    """Return what a command says without the moments at which it says so."""
    return re.sub(r"20\d\d-\d\d-\d\d[T ][\d:.]+", "…", text)


def test_every_command_answers_as_over_a_folder(memory: str, tmp_path: Path, call: Call) -> None:
    runs = a_training(tmp_path / "csv")
    folder = tmp_path / "folder"
    code, _, said = call("ingest", runs[0], "--role", "orchestrator", "--warehouse", memory)
    assert (code, said.count("stored ")) == (0, 1)
    assert call("ingest", runs[1], "--role", "trainer", "--warehouse", memory)[0] == 0
    assert call("pair", "orch", "trn", "--warehouse", memory)[0] == 0
    ingest(memory, kit.constant_run(tmp_path / "csv", "other", 0.5))
    sync(memory, folder)  # the very same files
    for words in READING:
        answers = [call(*words.split(), "--warehouse", place) for place in (folder, memory)]
        told = [without_times(json.dumps(answer)) for answer in answers]
        assert told[0].replace(str(folder), memory) == told[1], words
        assert answers[0][0] in (0, ExitCode.FINDINGS), answers[0]
    pages = []
    for place in (folder, memory):
        assert call("report", "orch", "-o", "page.html", "--warehouse", place)[0] == 0
        pages.append(without_times(Path("page.html").read_text(encoding="utf-8")))
    assert pages[0].replace(str(folder), memory) == pages[1]
    sql = "SELECT run_id, count(*) FROM history GROUP BY ALL ORDER BY ALL"
    assert call("sql", sql, "--warehouse", memory)[1] == call("sql", sql, "--warehouse", folder)[1]
    assert "trn" in call("query", "fixed_pairs", "--warehouse", memory)[1]
    code, out, _ = call("rebuild", "--warehouse", memory, "--format", "json")
    assert [one["action"] for one in json.loads(out)] == ["stored"] * 3
    assert kit.state(folder) == seen(memory, tmp_path / "other")
    code, out, said = call("doctor", "--offline", "--warehouse", memory)
    assert code == 0, said
    assert f"{memory} answers" in out
    assert "every byte read and held to its hash" in out
    code, _, said = call("watch", runs[0], "--times", "1", "--warehouse", memory)
    assert code == 0, said
    assert call("remove", "trn", "--yes", "--warehouse", memory)[0] == 0
    left = json.loads(call("runs", "--format", "json", "--warehouse", memory)[1])
    assert [one["run_id"] for one in left] == ["orch", "other"]
    assert call("query", "metrics", "--run", "trn", "--warehouse", memory)[0] == 3
