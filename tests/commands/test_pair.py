"""``pair``: said on stderr, stored, and undone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dakota_wh import api, demo

if TYPE_CHECKING:
    from tests.commands.conftest import Call

ORCH, TRAINER = demo.RUN_IDS["orchestrator"], demo.RUN_IDS["trainer"]


def test_pair_and_remove(call: Call, own_folder: Path) -> None:
    where = ("--warehouse", str(own_folder))
    assert call("pair", ORCH, TRAINER, *where) == (0, "", f"paired     {ORCH}  {TRAINER}\n")
    (row,) = api.open(own_folder).query("run_pairs").dicts()
    assert (row["score"], row["evidence"]) == (None, "fixed by hand")
    assert call("pair", ORCH, TRAINER, *where).err == f"unchanged  {ORCH}  {TRAINER}\n"
    assert call("pair", ORCH, TRAINER, "--remove", *where).err == f"removed    {ORCH}  {TRAINER}\n"
    done = call("pair", ORCH, TRAINER, "--remove", *where)
    assert (done.code, done.out) == (3, "")
    assert "no pair that was fixed" in done.err


def test_refusals(call: Call, folder: Path) -> None:
    where = ("--warehouse", str(folder))
    for words, code in (((ORCH, "nope"), 3), ((TRAINER, ORCH), 2), ((ORCH, ORCH), 2), ((ORCH,), 2)):
        assert call("pair", *words, *where).code == code
    assert not (folder / "pairs" / "role=orchestrator").exists()
