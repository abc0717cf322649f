"""What stands in a report is what the views hold, and its SQL runs as it stands."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import cli
from dakota_wh.api import Warehouse
from dakota_wh.errors import NoSuchRun, UsageProblem
from dakota_wh.report.scope import scope


class Reading(HTMLParser):
    """Gathers the tables (caption, then rows of cells, exact where numeric) and the SQL."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.sql: list[str] = []
        self._rows: list[list[str]] = []
        self._into: list[str] | None = None
        self._exact: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th", "caption", "code"):
            self._into = []
            self._exact = dict(attrs).get("data-exact")

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._into is None or tag not in ("td", "th", "caption", "code"):
            return
        text = "".join(self._into)
        self._into = None
        if tag == "caption":
            self.tables[text] = self._rows
        elif tag == "code":
            self.sql.append(text)
        else:
            self._rows[-1].append(self._exact or text)


@pytest.fixture(scope="session")
def text(demo_report: Path) -> str:
    """Give the report's HTML."""
    return demo_report.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(text: str) -> Reading:
    """Give what stands in the report."""
    return Reading(text)


def same(cell: str, value: Any) -> bool:
    """Return whether a cell holds a value; a mean may differ in the order of summing."""
    if value is None:
        return cell == "undefined"
    if isinstance(value, bool):
        return cell == ("yes" if value else "no")
    if isinstance(value, str):
        return cell == value
    return float(cell) == pytest.approx(value, rel=1e-9, abs=1e-15)


TREND = "Half split and evidence"


@pytest.mark.parametrize(
    ("caption", "view", "places"),
    [
        (
            TREND,
            "reward_trends",
            {"first_half_mean": 3, "second_half_mean": 4, "improvement": 5, "improvement_pct": 6},
        ),
        (
            TREND,
            "trend_evidence",
            {"verdict": 2, "half_difference_low": 7, "half_difference_high": 8, "support": 9},
        ),
        (
            "Weights that the values imply",
            "reward_components",
            {"weight": 2, "contribution": 3, "share": 4, "state": 5, "dead": 6, "r2": 7},
        ),
        ("Step times and throughput", "step_time", {"samples": 1, "median": 2, "p95": 3, "max": 4}),
        (
            "From the first tenth to the last",
            "training_dynamics",
            {"metric": 2, "first_mean": 4, "last_mean": 5, "difference": 6, "drop_share": 7},
        ),
        (
            "Correlation of the reward with the update made from it (the same step)",
            "reward_loss_correlation",
            {"metric": 2, "n": 3, "pearson": 4, "pearson_diff": 6},
        ),
    ],
)
def test_tables_hold_what_the_views_hold(
    warehouse: Warehouse, page: Reading, caption: str, view: str, places: dict[str, int]
) -> None:
    rows = page.tables[caption][1:]
    expected = [row for row in warehouse.query(view).dicts() if row.get("lag", 0) == 0]
    if caption == TREND:
        rewards = {row["metric"] for row in warehouse.query("reward_trends").dicts()}
        expected = [row for row in expected if row["metric"] in rewards]
    assert len(rows) == len(expected) > 0
    names = ("quantity", "kind") if "orchestrator_run_id" in expected[0] else ("metric",)
    name = next((one for one in names if one in expected[0]), "run_id")
    for row in expected:
        [found] = [one for one in rows if row[name] in one[: 1 if name == "run_id" else 2]]
        for column, place in places.items():
            assert same(found[place], row[column]), (row, column)


def test_milestones_are_those_of_the_main_reward(warehouse: Warehouse, page: Reading) -> None:
    rows = page.tables["Milestones"][1:]
    expected = warehouse.query("reward_milestones", metric="reward/mean").dicts()
    assert len(rows) == len(expected) == 4
    for found, row in zip(rows, expected, strict=True):
        wanted = [row[c] for c in ("milestone", "target", "step", "value")]
        assert all(map(same, found[2:6], wanted))


def test_the_lines_are_the_values_of_the_views(warehouse: Warehouse, text: str) -> None:
    found = re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    figures = json.loads(found[1])
    [line] = figures["reward-0"]["panels"][0]["lines"]
    by_step = warehouse.query("reward_loss_by_step").dicts()
    assert list(zip(line["x"], line["y"], strict=True)) == [
        (row["step"], row["reward"]) for row in by_step
    ]
    drawn = [panel["lines"][0]["y"] for panel in figures["training-0"]["panels"]]
    for kind, values in zip(("reward", "loss", "entropy", "kl", "grad_norm"), drawn, strict=True):
        assert values == [row[kind] for row in by_step if row[kind] is not None]


def test_every_query_on_the_page_runs_as_it_stands(warehouse: Warehouse, page: Reading) -> None:
    texts = list(dict.fromkeys(page.sql))
    assert len(texts) > 12
    for one in texts:
        warehouse.sql(one).close()


def test_findings_are_those_of_check(warehouse: Warehouse, text: str) -> None:
    for finding in warehouse.check("demoorch", "demotrnr"):
        assert f"{finding.check}: " in text


def test_the_partner_is_included_and_it_is_said(warehouse: Warehouse, text: str) -> None:
    about = scope(warehouse, ["demotrnr"])
    assert about.runs == ["demoorch", "demotrnr"]
    assert "demoorch is included: it is the other half of the same training" in about.included[0]
    assert "demotrnr is included: it is the other half" in text


def test_a_sampled_run_is_said_first(owner: Warehouse, tmp_path: Path) -> None:
    text = owner.report(["29hn8w98"], tmp_path / "a.html").read_text(encoding="utf-8")
    warning = text.index("7nikv4vp is sampled: 500 rows")
    assert warning < text.index('id="overview"')
    assert "improving" in text
    assert "−0.00071225 to 0.082007 (95 %)" in text  # the interval of the reference notes


def test_the_page_is_one_file_of_reasonable_size(text: str) -> None:
    markup = text[: text.index('<script type="application/json"')]
    assert not re.search(r'(?:src|href)="(?!#)|url\(|@import', markup)
    assert len(text.encode()) < 2_000_000


def test_the_command_writes_it_whole(
    warehouse: Warehouse,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    place = ["--warehouse", str(warehouse.path)]
    assert cli.run(["report", "demotrnr", "-o", "a.html", *place]) == 0
    assert capsys.readouterr().err.startswith("written    a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
    for args, code, words in (
        (["report", "nobody"], 3, "no run nobody"),
        (["report", "demotrnr", "-o", "a.pdf"], 2, "Call it .html"),
        (["report", "demotrnr", "-o", "no/a.html"], 1, "no folder"),
        (["report"], 2, "RUN"),
    ):
        assert cli.run([*args, *place]) == code
        assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_too_many_runs_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(UsageProblem, match="about runs"):
        scope(warehouse, [])
    with pytest.raises(NoSuchRun):
        scope(warehouse, ["demoorch", "nobody"])
