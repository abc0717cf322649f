"""Which orchestrator and trainer belong together, and what the join by step makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Row, Tables

Config = Mapping[str, str | float | None]

START = 1_762_700_936.5
CONFIG: Config = {
    "output_dir": "outputs/dakota",
    "model.name": "Qwen/Qwen3-0.6B",
    "max_steps": 40.0,
    "async_level": 1.0,
    "weight_broadcast.type": "filesystem",
}


def side(
    tables: Tables,
    run_id: str,
    *,
    start: float = 0.0,
    lag: float = 3.0,
    length: int = 40,
    first: int = 0,
    pace: float = 10.0,
    config: Config | None = None,
    **facts: Any,
) -> None:
    """A run named after its role (``o…`` or ``t…``): a step each ``pace`` s from ``start`` on.

    ``lag`` is how much later than the orchestrator's a trainer's rows are logged; ``first`` is the
    number of the first step.
    """
    role = "orchestrator" if run_id[0] == "o" else "trainer"
    begin = START + start
    times = [
        begin + pace + pace * step + (lag if role == "trainer" else 0) for step in range(length)
    ]
    last = first + length - 1
    known: dict[str, Any] = {"started_at": begin, "ended_at": times[-1], "last_step": last}
    known |= {"first_step": first, "steps": length, **facts}
    tables.run(run_id, role, **known)
    tables.steps(run_id, role, times, first)
    for key, value in (config or {}).items():
        tables.setting(run_id, role, key, value)


def pairs(ask: Ask, tables: Tables) -> list[tuple[str, str]]:
    rows = ask(tables, "SELECT orchestrator_run_id AS o, trainer_run_id AS t FROM run_pairs")
    return sorted((row["o"], row["t"]) for row in rows)


def candidate(ask: Ask, tables: Tables, trainer: str = "t1") -> Row:
    query = f"FROM run_pair_candidates WHERE trainer_run_id = '{trainer}'"
    (row,) = ask(tables, query)
    return row


def test_everything_speaks_for_the_pair(ask: Ask, tables: Tables) -> None:
    facts: dict[str, Any] = {"entity": "e", "project": "p", "run_group": "g"}
    side(tables, "o1", name="dakota-orchestrator", config={**CONFIG, "seed": 1.0}, **facts)
    theirs: Config = {**CONFIG, "output_dir": "outputs/", "seed": 2.0}
    side(tables, "t1", name="Dakota_trainer-0", start=2, lag=1, config=theirs, **facts)
    (row,) = ask(tables, "FROM run_pairs")
    assert row["score"] == 4 + 3 + 5 + 2 + 2 + 1 + 2
    assert row["evidence"] == (
        "same name dakota (+4); same group g (+3); same output_dir (+2); same model.name (+1); "
        "same max_steps (+1); same async_level (+0.5); same weight_broadcast.type (+0.5); "
        "same start within 2.0 s (+2); ran together for 99 % of the shorter run (+2); "
        "same last step 39 (+1); trainer not before orchestrator at 40 of 40 common steps (+2)"
    )
    assert (row["rival_score"], row["start_gap"]) == (None, 2.0)
    assert (row["joined_steps"], row["trainer_first_steps"]) == (40, 0)
    assert (row["orchestrator_role"], row["trainer_role"]) == ("orchestrator", "trainer")


def test_the_owners_pair_has_no_name_and_one_config(ask: Ask, tables: Tables) -> None:
    """As from CSV: times, data, and the last step, which a sampled run has in its summary."""
    side(tables, "o1", length=60)
    side(tables, "t1", start=19.2, lag=-10, length=59, config=CONFIG, step_key="step")
    tables.summary("t1", "trainer", "step", 59)
    (row,) = ask(tables, "FROM run_pairs")
    assert row["score"] == 2 + 2 + 1 + 2
    assert row["evidence"].startswith("same start within 19.2 s (+2); ran together for ")
    assert row["evidence"].endswith("trainer not before orchestrator at 59 of 59 common steps (+2)")


def test_reruns_of_one_name_are_told_apart_by_time(ask: Ask, tables: Tables) -> None:
    for number in (1, 2, 3):
        start = number * 7200
        side(tables, f"o{number}", name="dakota-orchestrator", start=start, config=CONFIG)
        side(tables, f"t{number}", name="dakota-trainer", start=start, config=CONFIG)
    assert pairs(ask, tables) == [("o1", "t1"), ("o2", "t2"), ("o3", "t3")]


def test_a_rerun_is_not_paired_with_the_trainer_of_another(ask: Ask, tables: Tables) -> None:
    """Neither run's own partner is in the warehouse; name, group and config all agree."""
    side(tables, "o1", name="dakota-orchestrator", config=CONFIG, run_group="g")
    side(tables, "t1", name="dakota-trainer", start=7200, config=CONFIG, run_group="g")
    assert pairs(ask, tables) == []
    row = candidate(ask, tables)
    assert (row["accepted"], row["score"]) == (False, 4 + 3 + 5 - 3 + 1 - 5)
    assert row["decision"] == "the runs never ran at the same time"


def test_three_trainers_to_one_orchestrator_are_ambiguous(ask: Ask, tables: Tables) -> None:
    side(tables, "o1", name="a-orchestrator")
    for number in (1, 2, 3):
        side(tables, f"t{number}", name="a-trainer", start=number)
    assert pairs(ask, tables) == []
    rows = ask(tables, "FROM run_pair_candidates")
    assert {row["trainer_run_id"] for row in rows} == {"t1", "t2", "t3"}
    assert {row["decision"] for row in rows} == {
        "ambiguous: another candidate is less than 2 points below"
    }
    assert {row["rival_score"] for row in rows} == {11.0}


@pytest.mark.parametrize("rival", ["o2", "t2"])
def test_two_points_ahead_is_enough_and_less_is_not(ask: Ask, tables: Tables, rival: str) -> None:
    ours: Config = {"max_steps": 40.0, "model.name": "m", "async_level": 1.0}
    side(tables, "o1", config=ours)
    side(tables, "t1", config=ours)  # 7 for times and data, 2.5 for the config
    side(tables, rival, config={"async_level": 1.0})  # 7 + 0.5
    assert pairs(ask, tables) == [("o1", "t1")]
    tables.setting(rival, "orchestrator" if rival == "o2" else "trainer", "max_steps", 40.0)
    assert pairs(ask, tables) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "points"),
    [
        ("out", "out", 2),
        ("out/", "out", 2),
        ("out/run_default", "out", 2),
        ("out", "out/run_default/", 2),
        ("out2", "out", 0),
        ("", "", 0),
        ("/", "out", 0),
    ],
)
def test_output_folders_are_equal_or_inside_each_other(
    ask_again: Ask, tables: Tables, ours: str, theirs: str, points: int
) -> None:
    side(tables, "o1", config={"output_dir": ours})
    side(tables, "t1", config={"output_dir": theirs})
    assert candidate(ask_again, tables)["config_score"] == points


@pytest.mark.parametrize(
    ("ours", "theirs", "points"),
    [
        ("dakota-0.6b-rl-orchestrator", "dakota-0.6b-rl-trainer", 4),
        ("x orch 1", "X.Trainer-02", 4),
        ("x_orchestrator", "x", 4),
        ("x-orchestrator", "y-trainer", 0),
        ("x-trainer-y", "x-y", 0),
        ("xtrainer", "xorch", 0),
        (None, None, 0),
    ],
)
def test_names_are_compared_without_their_role(
    ask_again: Ask, tables: Tables, ours: str | None, theirs: str | None, points: int
) -> None:
    side(tables, "o1", name=ours)
    side(tables, "t1", name=theirs)
    assert candidate(ask_again, tables)["name_score"] == points


@pytest.mark.parametrize(
    ("ours", "theirs", "points", "said"),
    [
        ({"name": "a-orchestrator"}, {"name": "b-trainer"}, -4, "different names a and b (-4)"),
        # W&B makes up a name for each run that has none.
        ({"name": "misty-sky-3"}, {"name": "bold-fire-4"}, 0, ""),
        ({"name": "a-orchestrator"}, {"name": "bold-fire-4"}, 0, ""),
        ({"run_group": "a"}, {"run_group": "b"}, -3, "different groups a and b (-3)"),
        ({"run_group": "a"}, {}, 0, ""),
        ({"config": {"output_dir": "out/a"}}, {"config": {"output_dir": "out/b"}}, -2,
         "different output_dir (-2)"),
        ({"config": {"output_dir": "./out/a"}}, {"config": {"output_dir": "/x/out/a/"}}, 0, ""),
        ({"config": {"output_dir": "out/a/run_default"}}, {"config": {"output_dir": "/x/out/a"}}, 0,
         ""),
        ({"config": {"output_dir": "out"}}, {}, 0, ""),
    ],
)  # fmt: skip
def test_what_contradicts_counts_against_the_pair(
    ask_again: Ask,
    tables: Tables,
    ours: dict[str, Any],
    theirs: dict[str, Any],
    points: int,
    said: str,
) -> None:
    side(tables, "o1", **ours)
    side(tables, "t1", **theirs)
    row = candidate(ask_again, tables)
    assert (row["contradiction_score"], row["score"]) == (points, 7 + points)
    assert [said] * (points < 0) == [w for w in row["evidence"].split("; ") if "different" in w]
    assert row["accepted"] is (points == 0)


def test_a_trainer_that_logs_first_is_vetoed(ask: Ask, tables: Tables) -> None:
    side(tables, "o1")
    side(tables, "t1", lag=-1)
    row = candidate(ask, tables)
    assert (row["accepted"], row["score"], row["data_score"]) == (False, 0, -5)
    assert row["evidence"].endswith("trainer before orchestrator at 40 of 40 common steps (-5)")
    assert pairs(ask, tables) == []


@pytest.mark.parametrize(("early", "data"), [(2, 2), (3, -5)])
def test_the_data_check_forgives_one_step_in_twenty(
    ask: Ask, tables: Tables, early: int, data: int
) -> None:
    side(tables, "o1")
    side(tables, "t1")
    for row in tables.rows["stored_steps"][-early:]:
        row["timestamp"] -= 5
    row = candidate(ask, tables)
    assert (row["data_score"], row["trainer_first_steps"]) == (data, early)


def test_a_late_row_of_a_step_is_no_veto(ask: Ask, tables: Tables) -> None:
    """The orchestrator logs an evaluation of each step when the trainer is done with it."""
    side(tables, "o1")
    side(tables, "t1")
    for row in tables.rows["stored_steps"]:
        row["first_timestamp"] = row["timestamp"]
        if row["role"] == "orchestrator":
            row["timestamp"] += 8.0
    row = candidate(ask, tables)
    assert (row["accepted"], row["data_score"], row["trainer_first_steps"]) == (True, 2, 0)


def test_the_first_row_of_a_step_is_what_precedes(ask: Ask, tables: Tables) -> None:
    side(tables, "o1")
    side(tables, "t1", lag=5)
    for row in tables.rows["stored_steps"]:
        trainer = row["role"] == "trainer"
        row["first_timestamp"] = row["timestamp"] - (6.0 if trainer else 0.0)
    row = candidate(ask, tables)
    assert (row["accepted"], row["data_score"], row["trainer_first_steps"]) == (False, -5, 40)


def test_fewer_than_twenty_common_steps_prove_nothing(ask: Ask, tables: Tables) -> None:
    side(tables, "o1", name="a-orch", length=19)
    side(tables, "t1", name="a-trainer", length=19, lag=-1)
    row = candidate(ask, tables)
    assert (row["accepted"], row["score"], row["data_score"]) == (True, 9, 0)
    assert row["evidence"].endswith("only 19 common steps, 20 needed (0)")


def test_runs_of_different_projects_are_no_candidates(ask: Ask, tables: Tables) -> None:
    side(tables, "o1", entity="e", project="p", name="a-orchestrator")
    side(tables, "t1", entity="e", project="q", name="a-trainer")
    side(tables, "t2", entity="f", project="p", name="a-trainer")
    assert ask(tables, "FROM run_pair_candidates") == []
    side(tables, "t3", entity=None, project="p", name="a-trainer")
    assert pairs(ask, tables) == [("o1", "t3")]


def test_what_is_missing_on_both_sides_is_not_equal(ask: Ask, tables: Tables) -> None:
    nothing: Config = {"output_dir": None, "max_steps": None}
    bare: dict[str, Any] = {"started_at": None, "ended_at": None, "last_step": None}
    side(tables, "o1", name="", run_group="", entity="", config=nothing, **bare)
    side(tables, "t1", name="", run_group="", entity="", config=nothing, **bare)
    assert ask(tables, "FROM run_pair_candidates") == []


def test_without_times_names_and_config_decide(ask: Ask, tables: Tables) -> None:
    bare: dict[str, Any] = {
        "started_at": None,
        "ended_at": None,
        "created_at": "2025-11-09 15:09:04",
    }
    side(tables, "o1", name="a-orchestrator", config={"model.name": "m"}, **bare)
    bare["created_at"] = "2025-11-09 15:09:25.5"
    side(tables, "t1", name="a-trainer", config={"model.name": "m"}, **bare)
    row = candidate(ask, tables)
    assert (row["accepted"], row["score"], row["start_gap"]) == (True, 4 + 1 + 2 + 1, 21.0)
    assert row["evidence"].endswith("data not checked: no times")


@pytest.mark.parametrize(("gap", "points"), [(120, 2), (121, 1), (900, 1), (901, 0), (3601, -3)])
def test_points_for_the_start(ask: Ask, tables: Tables, gap: int, points: int) -> None:
    side(tables, "o1", name="a-orchestrator", length=400)
    side(tables, "t1", name="a-trainer", start=gap, length=400)
    row = candidate(ask, tables)
    assert (row["start_score"], row["overlap_score"]) == (points, 2 if gap < 800 else 0)


def test_more_candidates_than_are_checked(ask: Ask, tables: Tables) -> None:
    """Twelve at once: names decide, and without names none is taken on trust."""
    for number in range(12):
        side(tables, f"o{number}", name=f"try{number}-orchestrator")
        side(tables, f"t{number}", name=f"try{number}-trainer")
    assert pairs(ask, tables) == sorted((f"o{n}", f"t{n}") for n in range(12))
    for run in tables.rows["stored_runs"]:
        run["name"] = None
    assert pairs(ask, tables) == []
    rows = ask(tables, "FROM run_pair_candidates")
    assert len(rows) == 144
    assert sum(row["joined_steps"] is not None for row in rows) <= 60
    assert {row["rival_score"] for row in rows} == {7.0}


def test_runs_that_hold_both_sides_are_pairs_with_themselves(ask: Ask, tables: Tables) -> None:
    for role in ("shared", "single", "unknown", "orchestrator"):
        tables.run(role, role)
    rows = ask(tables, "FROM run_pairs ORDER BY trainer_run_id")
    assert [row["orchestrator_run_id"] for row in rows] == ["shared", "single"]
    assert [row["trainer_run_id"] for row in rows] == ["shared", "single"]
    assert {row["score"] for row in rows} == {None}
    assert {row["evidence"] for row in rows} == {"one run holds both sides"}


# --- reward_loss_by_step ----------------------------------------------------------------------


def test_the_join_by_step(ask: Ask, tables: Tables) -> None:
    """Every step of the orchestrator once, with the trainer's numbers of the same step."""
    side(tables, "o1", name="a-orchestrator")
    side(tables, "t1", name="a-trainer")
    nan = float("nan")
    tables.metric("o1", "reward/mean", {0: 0.5, 1: 0.6, 3: 0.8}, kind="reward", kind_rank=1)
    tables.metric("o1", "reward/x", {0: 9.0, 2: 9.0}, kind="reward", kind_rank=2)
    tables.metric("o1", "loss", {0: 9.0}, kind="loss", kind_rank=1)
    trainer = "trainer"
    tables.metric("t1", "reward", {0: 9.0}, role=trainer, kind="reward", kind_rank=1)
    tables.metric("t1", "loss/mean", {0: -1.0, 2: nan, 3: -3.0}, role=trainer, kind="loss",
                  kind_rank=1)  # fmt: skip
    tables.metric("t1", "mismatch_kl/mean", {3: 0.1}, role=trainer, kind="kl", kind_rank=1)
    tables.metric("t1", "loss/late", {77: 1.0}, role=trainer, kind="loss", kind_rank=2)
    rows = ask(tables, "FROM reward_loss_by_step ORDER BY step")
    assert [row["step"] for row in rows] == list(range(40))
    assert [row["reward"] for row in rows[:5]] == [0.5, 0.6, None, 0.8, None]
    assert [row["loss"] for row in rows[:5]] == [-1.0, None, None, -3.0, None]
    assert [row["kl"] for row in rows[:5]] == [None, None, None, 0.1, None]
    assert {row["entropy"] for row in rows} == {row["grad_norm"] for row in rows} == {None}
    names = ("reward", "loss", "entropy", "kl", "grad_norm")
    assert {tuple(row[f"{name}_metric"] for name in names) for row in rows} == {
        ("reward/mean", "loss/mean", None, "mismatch_kl/mean", None)
    }
    assert {(row["orchestrator_run_id"], row["trainer_run_id"]) for row in rows} == {("o1", "t1")}


def test_in_a_shared_run_the_writer_tells_the_side(ask: Ask, tables: Tables) -> None:
    tables.run("s", "shared")
    tables.steps("s", "shared", [1.0, 2.0, 3.0], first=1)
    for metric, writer, kind, rank, value in [
        ("reward/all/mean", "orchestrator", "reward", 1, 0.5),
        ("entropy/rollout", "orchestrator", "entropy", 1, 9.0),
        ("entropy/all/mean", "trainer", "entropy", 2, 0.2),
        ("loss/mean", "trainer", "loss", 1, -0.1),
        ("optim/grad_norm", None, "grad_norm", 1, 1.5),
    ]:
        values = {1: value, 3: value}
        tables.metric("s", metric, values, role="shared", writer=writer, kind=kind, kind_rank=rank)
    rows = ask(tables, "FROM reward_loss_by_step ORDER BY step")
    assert [row["step"] for row in rows] == [1, 2, 3]
    names = ("reward", "loss", "entropy", "kl", "grad_norm")
    assert [rows[2][name] for name in names] == [0.5, -0.1, 0.2, None, 1.5]
    assert {rows[1][name] for name in names} == {None}
    assert rows[0]["entropy_metric"] == "entropy/all/mean"


def test_a_pair_without_metrics_still_has_its_steps(ask: Ask, tables: Tables) -> None:
    side(tables, "o1", name="a-orchestrator")
    side(tables, "t1", name="a-trainer", length=20)
    rows = ask(tables, "SELECT step, reward, reward_metric FROM reward_loss_by_step")
    assert sorted(row["step"] for row in rows) == list(range(40))
    assert {row["reward"] for row in rows} == {row["reward_metric"] for row in rows} == {None}
