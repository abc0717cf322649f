"""``dakota-wh query reward_trends --run X`` from start to exit, on a pair as the owner's.

Against: duckdb alone with the very SQL of the views; duckdb alone with SQL written by hand for the
one file; the guide's pandas over the exported CSV.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from benchmarks.agreement import Answer, must_agree
from benchmarks.cache import made
from benchmarks.exports import as_csv
from benchmarks.made_run import MadeRun, orchestrator_names, trainer_names
from benchmarks.processes import in_turn, python
from benchmarks.report import Report
from benchmarks.warehouses import settled
from dakota_wh.warehouse.relations import create_statements, files_of_runs

_DAKOTA = str(Path(sys.executable).with_name("dakota-wh"))
_RUN = "o0000000"
_BARE = "python -c 'import duckdb'"
_HALVES = """
SELECT metric, samples, first_half_mean, second_half_mean, improvement
FROM {trends} WHERE run_id = '{run}' ORDER BY metric"""
_BY_HAND = """
WITH n AS (
    SELECT metric, count(*) FILTER (WHERE ord IS NOT NULL) AS samples
    FROM read_parquet('{part}') GROUP BY metric
), trends AS (
    SELECT
        metric, samples,
        avg(value) FILTER (WHERE ord < samples // 2) AS first_half_mean,
        avg(value) FILTER (WHERE ord >= samples // 2) AS second_half_mean
    FROM read_parquet('{part}') JOIN n USING (metric)
    WHERE samples > 10 AND (metric ILIKE '%reward%' OR metric ILIKE '%score%')
    GROUP BY metric, samples
)
SELECT *, second_half_mean - first_half_mean AS improvement FROM trends ORDER BY metric"""


def pair() -> list[MadeRun]:
    """Return the two runs: 1000 steps of 41 and of 72 columns, as the owner's."""
    return [
        MadeRun(_RUN, "grpo-orchestrator", orchestrator_names(37), 1000, 1),
        MadeRun("t0000000", "grpo-trainer", trainer_names(68), 1000, 2),
    ]


def run(size: str) -> Report:
    """Measure; the four are started in turn."""
    report = Report("One query as a whole process", size, packages=("duckdb", "click", "pandas"))
    root = settled("owners-pair", pair())
    exported = made("owners-pair-csv", lambda place: as_csv(pair()[0], place / f"{_RUN}.csv"))
    ways = {
        "dakota-wh query reward_trends": [
            _DAKOTA, "query", "reward_trends", "--run", _RUN, "--format", "csv",
            "--warehouse", str(root),
        ],
        "duckdb, the views' SQL": python("others.bare_duckdb", _the_views(root)),
        "duckdb, SQL by hand": python("others.bare_duckdb", _by_hand(root)),
        "the guide's pandas": python("others.guide_pandas", exported / f"{_RUN}.csv"),
        _BARE: [sys.executable, "-c", "import duckdb"],
    }  # fmt: skip
    found = in_turn(ways, 31 if size == "full" else 1)
    reference = _answer(found["the guide's pandas"].output)
    compared = [
        must_agree(name, _answer(one.output), reference)
        for name, one in found.items()
        if name != _BARE  # which answers nothing
    ]
    ours = found["dakota-wh query reward_trends"]
    report.say(f"{len(reference)} reward metrics; the four answers agree in {compared[0]} numbers.")
    report.table(
        ["process", "wall ms", "cpu ms", "peak MiB", "ours to this, cpu"],
        [
            [name, 1000 * one.wall, 1000 * one.cpu, one.peak, ours.cpu / one.cpu]
            for name, one in found.items()
        ],
    )
    bare, guide = found["duckdb, the views' SQL"], found["the guide's pandas"]
    report.aim("ours to duckdb with the same SQL, processor time", ours.cpu / bare.cpu, most=1.5)
    report.aim("the guide's pandas to ours, processor time", guide.cpu / ours.cpu, least=3)
    return report


def _the_views(root: Path) -> Path:
    files = files_of_runs(root.absolute(), [_RUN])
    laid = create_statements(["reward_trends_v1"], files).values()
    last = _HALVES.format(trends="reward_trends_v1", run=_RUN)
    return _script(root, "views.sql", [*laid, last])


def _by_hand(root: Path) -> Path:
    (part,) = root.glob(f"metrics/*/run_id={_RUN}/part-*.parquet")
    return _script(root, "by_hand.sql", [_BY_HAND.format(part=part)])


def _script(root: Path, name: str, statements: list[str]) -> Path:
    path = root.with_name(f"{root.name}-{name}")
    path.write_text("\n--next\n".join(statements), encoding="utf-8")
    return path


def _answer(text: str) -> Answer:
    rows = csv.DictReader(io.StringIO(text.replace("'", "")))
    wanted = ("samples", "first_half_mean", "second_half_mean", "improvement")
    return {(row["metric"],): [float(row[name]) for name in wanted] for row in rows}
