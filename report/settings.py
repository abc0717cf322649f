"""How the settings of the runs differ."""

from __future__ import annotations

from typing import Final

from dakota_wh.plot.naming import shown
from dakota_wh.plot.page.table import Table
from dakota_wh.report.asking import Asking
from dakota_wh.report.scope import Scope
from dakota_wh.report.section import Section

_MOST: Final = 400


def settings(asking: Asking, scope: Scope) -> Section:
    """Return the section of configuration differences, and of all settings behind them."""
    words = []
    blocks: list[Table] = []
    differing = asking.rows("config_differences")
    if len(scope.trainings) > 1:
        if differing:
            blocks.append(_across(asking, differing))
        else:
            words.append("Runs of the same role do not differ in any setting that is stored.")
    for one in scope.trainings:
        if len(one.runs) == 2:
            table, said = _sides(asking, *one.runs)
            words += said
            blocks += table
    everything = asking.rows("config")
    without = [run for run in asking.runs if run not in {row["run_id"] for row in everything}]
    words += [f"Of {shown(run)} no settings are stored." for run in without]
    if everything:
        rows = [[row["key"], row["run_id"], row["setting"]] for row in everything[:_MOST]]
        cut = len(everything) - len(rows)
        notes = [f"{cut:,} more settings: the SQL has them"] if cut else []
        blocks.append(
            Table("All settings", ["key", "run", "setting"], rows, asking.text("config"), notes)
        )
    return Section("settings", "How were they configured?", words, blocks=blocks)


def _across(asking: Asking, differing: list[dict[str, str | None]]) -> Table:
    keys = list(dict.fromkeys((row["role"], row["key"]) for row in differing))
    value = {(row["role"], row["key"], row["run_id"]): row["setting"] for row in differing}
    runs = [run for run in asking.runs if any(run == row["run_id"] for row in differing)]
    rows = [
        [key, role, *(value.get((role, key, run), "–") or "null" for run in runs)]
        for role, key in keys[:_MOST]
    ]
    notes = [f"{len(keys) - _MOST:,} more: the SQL has them"] if len(keys) > _MOST else []
    title = "Settings in which runs of one role differ"
    return Table(title, ["key", "role", *runs], rows, asking.text("config_differences"), notes)


def _sides(asking: Asking, orchestrator: str, trainer: str) -> tuple[list[Table], list[str]]:
    places = {"orchestrator": orchestrator, "trainer": trainer}
    rows = asking.rows("config_of_sides", **places)
    if not rows:
        both = f"{shown(orchestrator)} and {shown(trainer)}"
        return [], [f"No setting of one name differs between {both}."]
    found = [[row["key"], row["of_orchestrator"], row["of_trainer"]] for row in rows[:_MOST]]
    title = "Settings of one name that the two sides of a training have differently"
    text = asking.text("config_of_sides", **places)
    return [Table(title, ["key", orchestrator, trainer], found, text)], []
