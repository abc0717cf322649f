"""``trainings``, ``training_metrics`` and ``metric_points``: two runs read as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Tables


def fill(tables: Tables) -> None:
    for run_id, role in (
        ("o", "orchestrator"),
        ("t", "trainer"),
        ("s", "shared"),
        ("x", "trainer"),
    ):
        tables.run(run_id, role)
    tables.rows["stored_pairs"].append({"orchestrator_run_id": "o", "trainer_run_id": "t"})
    tables.metric("o", "reward/mean", [1.0], kind="reward", kind_rank=1)
    tables.metric("o", "loss", [9.0], kind="loss", kind_rank=1)
    tables.metric("o", "time/step", [5.0], kind="step_time", kind_rank=1)
    tables.metric("o", "progress/tokens", [5.0], kind="step_tokens", kind_rank=1)
    tables.metric("t", "loss/mean", [2.0], role="trainer", kind="loss", kind_rank=1)
    tables.metric("t", "time/step", [6.0], role="trainer", kind="step_time", kind_rank=1)
    tables.metric(
        "s", "reward", [1.0], role="shared", writer="orchestrator", kind="reward", kind_rank=1
    )
    tables.metric("s", "other", [1.0], role="shared")
    tables.metric("x", "reward", [1.0], role="trainer", kind="reward", kind_rank=1)


def test_trainings(ask: Ask, tables: Tables) -> None:
    fill(tables)
    rows = ask(tables, "SELECT training, run_id, side, runs FROM trainings ORDER BY run_id")
    assert [tuple(row.values()) for row in rows] == [
        ("o", "o", "orchestrator", 2),
        ("s", "s", "both", 1),
        ("o", "t", "trainer", 2),
        ("x", "x", "trainer", 1),
    ]


def test_training_metrics(ask: Ask, tables: Tables) -> None:
    fill(tables)
    query = "SELECT training, run_id, side, metric, quantity FROM training_metrics"
    rows = ask(tables, f"{query} ORDER BY run_id, metric")
    assert [tuple(row.values()) for row in rows] == [
        # A loss that the orchestrator logs is not the training's, and tokens are an axis.
        ("o", "o", "orchestrator", "loss", None),
        ("o", "o", "orchestrator", "progress/tokens", None),
        ("o", "o", "orchestrator", "reward/mean", "reward"),
        ("o", "o", "orchestrator", "time/step", "step_time"),
        ("s", "s", "both", "other", None),
        ("s", "s", "orchestrator", "reward", "reward"),
        ("o", "t", "trainer", "loss/mean", "loss"),
        ("o", "t", "trainer", "time/step", "step_time"),
        # A run that is alone has all there is.
        ("x", "x", "trainer", "reward", "reward"),
    ]


def test_metric_points(ask: Ask, tables: Tables) -> None:
    tables.run("r", "single")
    tables.metric("r", "m", {3: 0.5, 4: float("nan")}, role="single")
    tables.rows["stored_steps"].append(
        {"run_id": "r", "role": "single", "step": 3, "runtime": 7.5, "log_rows": 1}
    )
    rows = ask(tables, "SELECT step, runtime, isnan(value) AS nan FROM metric_points ORDER BY step")
    assert [tuple(row.values()) for row in rows] == [(3, 7.5, False), (4, None, True)]
