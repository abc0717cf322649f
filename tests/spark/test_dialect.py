"""The portable subset and what is made of it, without a Spark."""

from __future__ import annotations

import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.spark import text
from dakota_wh.spark.dialect import parse, to_spark
from dakota_wh.spark.portable import NotPortable
from dakota_wh.spark.session import _interrupt_kept, _why
from dakota_wh.spark.statements import Kind, statements
from dakota_wh.spark.tables import stored_select
from dakota_wh.sql import views
from dakota_wh.warehouse import folder


@pytest.mark.parametrize("relation", views.registry().views)
def test_every_published_view_is_in_the_subset(relation: str) -> None:
    view = views.find_view(relation)
    assert sqlglot.parse_one(to_spark(parse(view.sql, view.path.name)), read="spark")


@pytest.mark.parametrize("relation", views.stored_relations())
def test_every_stored_relation_is_in_the_subset(relation: str) -> None:
    sql = stored_select(relation, ["it's"])
    assert sqlglot.parse_one(sql, read="spark")
    assert f"`files_{relation.removeprefix('stored_')}`" in sql
    assert "FILENAME" not in sql.upper()


REFUSED = {
    "quantile_cont(v, 0.5)": "PercentileCont",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY v)": "WithinGroup",
    "approx_quantile(v, 0.5)": "ApproxQuantile",
    "skewness(v)": "Skewness",
    "regr_slope(v, k)": "RegrSlope",
    "list_sum([v])": "list_sum",
    "v / k": "A divisor must be",
    "v // 0": "A divisor must be",
    "v % (k - 1)": "A divisor must be",
    "corr(v, k) FILTER (WHERE k > 0)": "corr with FILTER",
    "regexp_replace(s, 'a', '')": "beginning or the end",
    "regexp_replace(s, '^a', 'b')": "beginning or the end",
    "regexp_replace(s, '\\\\d$', '')": "holds a sign",
    "regexp_replace(s, s, '')": "must be texts",
    "sum(v) OVER (ORDER BY k RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)": "RANGE",
    "last_value(v IGNORE NULLS) OVER (ORDER BY k)": "IgnoreNulls",
    "lag(v, 2) OVER (ORDER BY k)": "Lag with offset",
    "count(DISTINCT v)": "Distinct",
    "CAST(v AS DECIMAL(9, 2))": "DECIMAL",
    "TRY_CAST(s AS DOUBLE)": "TryCast",
    "s GLOB 'a*'": "Glob",
    "round(v, k)": "decimals of round",
    "list_transform(l, lambda x: x + 1)": "Transform",
    "strftime(t, '%Y')": "TimeToStr",
    "v::BLOB": "VARBINARY",
    "unnest(l)": "Explode",
}


@pytest.mark.parametrize(("expression", "reason"), REFUSED.items())
def test_anything_else_is_refused_with_its_line(expression: str, reason: str) -> None:
    with pytest.raises(NotPortable) as caught:
        parse(f"SELECT\n    k,\n    {expression} AS x\nFROM t", "a_v1.sql", 7)
    assert caught.value.message.startswith("a_v1.sql, line 9: "), caught.value.message
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("SELECT a\nFROM t\nASOF JOIN u USING (a)", 3),
        ("SELECT a\nFROM t\nSEMI JOIN u ON u.a = t.a", 3),
        ("SELECT a\nFROM t\nORDER BY a", 3),
        ("SELECT a\nFROM t\nLIMIT 3", 3),
        ("SELECT a\nFROM t\nQUALIFY row_number() OVER (ORDER BY a) = 1", 3),
        ("SELECT DISTINCT ON (b)\n a\nFROM t", 1),
        ("SELECT a\nFROM range(3) AS r (a)", 2),
        ("SELECT a FROM t\nUNION ALL BY NAME\nSELECT b FROM t", 1),
        ("SELECT\n * REPLACE (1 AS a)\nFROM t", 2),
        ("SELECT a FROM t\nWHERE WHERE", 2),
        ("SELECT 1;\nSELECT 2", 1),
        ("DROP TABLE t", 1),
    ],
)
def test_other_statements_are_refused_with_their_line(sql: str, line: int) -> None:
    with pytest.raises(NotPortable, match=rf"a_v1\.sql, line {line}: "):
        parse(sql, "a_v1.sql")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_text_comes_back_from_a_literal(words: str) -> None:
    assert sqlglot.parse_one(f"SELECT {text.literal(words)}", read="spark").expressions[0].name == (
        words
    )


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_name_comes_back_from_an_identifier(words: str) -> None:
    column = sqlglot.parse_one(f"SELECT {text.name(words)}", read="spark").expressions[0]
    assert column.name == words


def test_glob_characters_of_a_path_mean_themselves() -> None:
    assert text.pattern(Path("/a [b]{c}*?")) == "file:/a \\[b\\]\\{c\\}\\*\\?"
    assert text.address(Path("/a [b]")) == "file:/a [b]"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a warehouse without runs."""
    folder.create(tmp_path)
    return tmp_path


def test_what_is_read_often_and_is_long_is_staged(root: Path) -> None:
    def staged(name: str) -> list[str]:
        plan = statements(root, [name])
        laid = [one.relation for one in plan]
        assert len(laid) == len(set(laid))
        return [one.relation for one in plan if one.kind is Kind.STAGE]

    assert staged("metrics") == ["stored_runs"]
    assert staged("reward_trends") == ["stored_runs"]
    assert "reward_loss_by_step_v1__pairs" in staged("reward_loss_by_step")


def test_only_the_files_of_some_runs_are_read(root: Path) -> None:
    plan = {one.relation: one.text for one in statements(root, ["metrics"], ["it's"])}
    assert "IN ('it\\'s')" in plan["stored_metrics"]
    assert "IN ('it\\'s')" in plan["stored_runs"]


@pytest.mark.parametrize(
    ("before", "is_kept"), [(signal.SIG_IGN, True), (signal.default_int_handler, False)]
)
def test_a_start_of_spark_takes_ctrl_c_from_nobody(before: Any, is_kept: bool) -> None:
    """Where nobody has said what it does, pyspark's own way stays: it stops the jobs."""
    outside = signal.signal(signal.SIGINT, before)
    try:
        with _interrupt_kept():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        after = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, outside)
    assert after is (before if is_kept else signal.SIG_DFL)


def test_a_master_that_does_not_answer_is_called_that() -> None:
    log = (  # as Spark 4.3 writes it
        b"26/11/23 20:41:44 WARN NativeCodeLoader: Unable to load native-hadoop library\n"
        b"26/11/23 20:42:45 ERROR StandaloneSchedulerBackend: Application has been killed. "
        b"Reason: All masters are unresponsive! Giving up.\n"
    )
    error = Exception("An error occurred while calling None.org.apache.spark.sql.SparkSession.\n")
    assert _why(BytesIO(log), error) == "All masters are unresponsive! Giving up."
    assert _why(BytesIO(b""), error).startswith("An error occurred while calling")


def test_nothing_of_spark_is_loaded_without_it() -> None:
    code = (
        "import sys; import dakota_wh, dakota_wh.cli, dakota_wh.api, dakota_wh.warehouse.query;"
        "import dakota_wh.commands.query, dakota_wh.commands.views, dakota_wh.spark;"
        "print({'pyspark', 'py4j', 'sqlglot', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
