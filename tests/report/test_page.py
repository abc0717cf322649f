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


TREND = "Half split"
EVIDENCE = "How sure is that, and does it go on?"


@pytest.mark.parametrize(
    ("caption", "view", "places"),
    [
        (
            TREND,
            "reward_trends",
            {"first_half_mean": 3, "second_half_mean": 4, "improvement": 5, "improvement_pct": 6},
        ),
        (TREND, "trend_evidence", {"verdict": 2, "samples": 7}),
        (
            EVIDENCE,
            "trend_evidence",
            {
                "half_difference_low": 2,
                "half_difference_high": 3,
                "support": 4,
                "tail_state": 6,
                "tail_first_mean": 7,
                "tail_second_mean": 8,
            },
        ),
        (
            "Weights that the values imply",
            "reward_components",
            {"weight": 2, "contribution": 3, "share": 4, "state": 5, "dead": 6, "r2": 7},
        ),
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
    if caption in (TREND, EVIDENCE):
        rewards = {row["metric"] for row in warehouse.query("reward_trends").dicts()}
        expected = [row for row in expected if row["metric"] in rewards]
    assert len(rows) == len(expected) > 0
    names = ("quantity", "kind") if "orchestrator_run_id" in expected[0] else ("metric",)
    name = next((one for one in names if one in expected[0]), "run_id")
    for row in expected:
        [found] = [one for one in rows if row[name] in one[: 1 if name == "run_id" else 2]]
        for column, place in places.items():
            assert same(found[place], row[column]), (row, column)


def test_step_times_are_those_of_the_view(warehouse: Warehouse, page: Reading) -> None:
    head, *lines = page.tables["Step times and throughput"]
    for row in warehouse.query("step_time").dicts():
        place = head.index(row["run_id"])
        for line, column in (
            ("steps with a step time", "samples"),
            ("median (s)", "median"),
            ("95 % quantile (s)", "p95"),
            ("longest (s)", "max"),
            ("total (s)", "total"),
        ):
            [found] = [one for one in lines if one[0] == line]
            assert same(found[place], row[column]), (line, row)


@pytest.mark.parametrize(
    ("where", "report", "last"),
    # a tenth, at most 100: the trainer's export has 500 rows, the demo 240 (and a NaN in its KL)
    [
        ("owner", "owner_report", {"reward": 100, "loss": 50, "entropy": 50, "KL": 50}),
        ("warehouse", "demo_report", {"reward": 24, "loss": 24, "entropy": 24, "KL": 23}),
    ],
)
def test_a_last_value_is_said_to_be_what_it_is(
    request: pytest.FixtureRequest, where: str, report: str, last: dict[str, int]
) -> None:
    warehouse: Warehouse = request.getfixturevalue(where)
    path: Path = request.getfixturevalue(report)
    text = path.read_text(encoding="utf-8").replace("<wbr>", "")
    found = re.findall(
        r"<bdi>([A-Za-z ]+), mean of its last values</bdi>(.*?)</tr>", text, re.DOTALL
    )
    plain = dict(found)
    metric = {"reward": "reward", "loss": "loss", "entropy": "entropy", "KL": "kl"}
    for words, count in last.items():
        assert f"of the last {count} values" in plain[words]
        [(run, name)] = warehouse.sql(
            f"SELECT run_id, metric FROM main_metrics WHERE kind = '{metric[words]}'"
        ).rows()
        values = [
            value
            for (value,) in warehouse.sql(
                f"SELECT value FROM metrics WHERE run_id = '{run}' AND metric = '{name}' "
                "AND ord IS NOT NULL ORDER BY ord"
            ).rows()
        ]
        [exactly] = re.findall(r'data-exact="([^"]+)"', plain[words])
        assert float(exactly) == pytest.approx(sum(values[-count:]) / count, rel=1e-9)


def test_what_a_sampled_run_does_not_hold_is_said_in_its_tables(owner_report: Path) -> None:
    text = owner_report.read_text(encoding="utf-8").replace("<wbr>", "")
    page = Reading(text)
    for caption in ("The runs", "Certificates of the runs", "Step times and throughput"):
        assert page.tables[caption][0] == ["", "29hn8w98", "7nikv4vp (sampled)"]
    [total] = re.findall(r">total \(s\)</bdi>.*?</tr>", text, re.DOTALL)
    cells = re.findall(r"<td.*?</td>", total, re.DOTALL)
    assert "steps" not in cells[0]
    # 500 rows of the steps 0 to 998
    assert "in 500 of 999 steps, not in the whole run" in cells[1]


def test_settings_that_are_one_number_do_not_differ(tmp_path: Path) -> None:
    opened = Warehouse(tmp_path / "warehouse")
    configs = {
        "one": {"a": 8, "b": 1.0, "c": 0.5, "d": None, "e": "8", "f": 2**60, "g": 1e-5},
        "two": {"a": 8.0, "b": 1, "c": 0.25, "d": "x", "e": "9", "f": 2**60 + 1, "g": 0.00001},
    }
    for run, config in configs.items():
        (tmp_path / f"{run}_config.json").write_text(json.dumps(config))
        rows = "\n".join(f"{step},{step}" for step in range(20))
        (tmp_path / f"{run}_history.csv").write_text(f"_step,reward\n{rows}\n")
        opened.ingest(tmp_path / f"{run}_history.csv")
    page = Reading(opened.report(["one", "two"], tmp_path / "a.html").read_text(encoding="utf-8"))
    [table] = [rows for name, rows in page.tables.items() if name.startswith("Settings in which")]
    assert [row[0] for row in table[1:]] == ["c", "d", "e", "f"]
    told = opened.compare("one", "two").config
    assert {row[told.columns.index("key")] for row in told.rows()} == {"c", "d", "e", "f"}


def test_a_legend_shows_the_dashes_of_its_lines(text: str) -> None:
    figure = text[text.index('data-figure="components-0"') :]
    legend = figure[: figure.index('class="chart"')]
    dashes = re.findall(r'<path d="M0 3H34" stroke-dasharray="([^"]+)"', legend)
    assert len(dashes) == len(set(dashes)) == 5
    data = json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    layers = data["components-0"]["panels"][0]["spec"]["layer"]
    drawn = next(one["encoding"]["strokeDash"] for one in layers if "datum.m)" in str(one))
    assert [" ".join(map(str, dash)) for dash in drawn["scale"]["range"]] == dashes


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


def test_a_sampled_run_is_said_first(owner_report: Path) -> None:
    text = owner_report.read_text(encoding="utf-8")
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
