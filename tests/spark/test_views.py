"""Every published view on a real Spark, against DuckDB: the same rows, cell by cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import dakota_wh.spark
from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.errors import BadQuery, NoSuchView, NotAWarehouse, UsageProblem, WarehouseError
from dakota_wh.spark.engine import SparkEngine
from dakota_wh.sql import views
from dakota_wh.warehouse.connection import connect
from tests.spark.agreement import differences, same, sorted_rows
from tests.spark.hostile import DIGITS, ODD, ZEROS, one_log, orchestrated

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAMES = [*views.aliases()]
TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp_ntz": "TIMESTAMP",
}


@pytest.fixture(scope="module")
def registered(spark: SparkSession, hostile: Warehouse) -> SparkSession:
    laid = dakota_wh.spark.register(spark, hostile.path)
    assert sorted(laid) == sorted([*NAMES, *views.registry().views])
    return spark


@pytest.fixture(scope="module")
def embedded(hostile: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(connect(hostile.path, NAMES)) as connection:
        yield connection


@pytest.mark.parametrize("view", NAMES)
def test_every_view_says_the_same(
    registered: SparkSession, embedded: duckdb.DuckDBPyConnection, view: str
) -> None:
    answer = embedded.execute(f"SELECT * FROM {view}")
    columns = [(column[0], str(column[1])) for column in answer.description or ()]
    wanted = sorted_rows(answer.fetchall())
    frame = registered.table(view)
    found = [(one.name, TYPES[one.dataType.simpleString()]) for one in frame.schema.fields]
    assert found == columns
    assert wanted, "a view without rows shows nothing"
    got = sorted_rows(tuple(row) for row in frame.collect())
    assert differences([name for name, _ in columns], got, wanted) == []


def test_carried_over_functions_say_the_same(spark: SparkSession) -> None:
    """What sqlglot alone would leave different, on values that show it."""
    from dakota_wh.spark.dialect import parse, to_spark

    numbers = "0.0 -0.0 0.5 1.5 2.5 -2.5 1e300 -1e300 9007199254740993.0 0.15 1.05 8.35 119.95"
    values = ", ".join(
        [
            *(f"(CAST({one} AS DOUBLE))" for one in numbers.split()),
            "(CAST('NaN' AS DOUBLE))",
            "(NULL)",
        ]
    )
    cells = f"(SELECT column0 AS x FROM (VALUES {values}) AS v (column0)) AS t"
    texts = r"('ΑΣ-Orch'), ('İSTANBUL'), ('100%_\x'), ('x-orch' || chr(10)), ('a-trainer-2')"
    words = f"(SELECT column0 AS s FROM (VALUES {texts}) AS v (column0)) AS t"
    points = "(VALUES (1, NULL, 5e0), (2, 3e0, 5e0), (3, 1e0, 5e0)) AS t (k, v, level)"
    expressions = {
        "SELECT floor(x) AS a, round(x, 1) AS b, isnan(x) AS c, floor(x) = x AS d FROM t": cells,
        "SELECT CASE WHEN abs(x) < 1e15 THEN CAST(x AS BIGINT) END AS a FROM t": cells,
        "SELECT lower(s) AS a, s LIKE '%\\x' AS b, s LIKE s AS c, "
        "regexp_replace(lower(s), '[-_. ](orch|trainer)([-_. ]?[0-9]+)?$', '') AS d FROM t": words,
        "SELECT arg_min(v, k) AS a, arg_max(v, k) AS b, corr(v, level) AS c, "
        "corr(v, k) AS d, count(*) / 2 AS e FROM t": points,
        "SELECT k // NULLIF(2, 0) AS a, -k // 2 AS b, -k % 2 AS c, 0.5 / 3 AS d, "
        "row_number() OVER (ORDER BY v DESC) AS e FROM t": points,
    }
    for select, source in expressions.items():
        tree = parse(select, "a test")
        on_spark = to_spark(tree).replace("`t`", source.replace("chr(10)", "char(10)"))
        on_spark = on_spark.replace("'100%_\\x'", "'100%_\\\\x'")
        got = spark.sql(on_spark)
        answer = duckdb.execute(select.replace("FROM t", f"FROM {source}"))
        columns = [column[0] for column in answer.description or ()]
        rows = sorted_rows(tuple(row) for row in got.collect())
        assert differences(columns, rows, sorted_rows(answer.fetchall())) == []


def test_a_moment_has_its_fraction_in_any_zone(spark: SparkSession) -> None:
    from dakota_wh.spark.dialect import parse, to_spark

    select = "SELECT epoch(CAST('2026-03-29 02:30:00.250001' AS TIMESTAMP)) AS e FROM t"
    sql = to_spark(parse(select, "a test")).replace("`t`", "(SELECT 1)")
    before = spark.conf.get("spark.sql.session.timeZone") or "UTC"
    try:
        spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
        ((found,),) = spark.sql(sql).collect()
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)
    assert found == 1774751400.250001


def must_agree(session: SparkSession, warehouse: Warehouse, *names: str) -> None:
    """Insist that views of a session have the rows that DuckDB finds."""
    for view in names:
        wanted = warehouse.query(view)
        got = sorted_rows(tuple(row) for row in session.table(view).collect())
        assert differences(wanted.columns, got, sorted_rows(wanted.rows())) == [], view


@pytest.fixture(scope="module")
def engine(spark: SparkSession) -> SparkEngine:
    return SparkEngine(spark)


@pytest.mark.parametrize(
    ("view", "filters"),
    [
        ("history", {"runs": [DIGITS]}),
        ("history", {"limit": 60}),
        ("metrics", {"runs": [ODD, ZEROS], "metric": "*/m?an", "limit": 50}),
        ("reward_trends", {"role": "orchestrator", "metric": "reward*"}),
        ("run_pairs", {"runs": [ZEROS, "trainb", "fixedo", ODD]}),
        ("steps", {"limit": 0}),
    ],
)
def test_query_gives_the_same_rows_in_the_same_order(
    engine: SparkEngine, hostile: Warehouse, view: str, filters: dict[str, Any]
) -> None:
    wanted = hostile.query(view, **filters)
    got = hostile.query(view, **filters, engine=engine)
    assert (got.columns, got.types) == (wanted.columns, wanted.types)
    assert differences(got.columns, got.rows(), wanted.rows()) == []


def test_query_refuses_what_the_other_refuses(
    engine: SparkEngine, hostile: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(UsageProblem, match="cannot be filtered by --metric"):
        hostile.query("runs", metric="x", engine=engine)
    with pytest.raises(NoSuchView):
        hostile.query("nothing", engine=engine)
    with pytest.raises(NotAWarehouse):
        api.open(tmp_path).query("runs", engine=engine)
    with pytest.raises(BadQuery, match=r"took longer than 0\.05 s"):
        hostile.query("theil_sen", engine=engine, timeout=0.05)
    with pytest.raises(UsageProblem, match="Spark's memory is its session's"):
        hostile.query("runs", engine=engine, memory_limit="1GB")
    with pytest.raises(UsageProblem, match="has a Spark session on local"):
        hostile.query("runs", engine="spark", master="spark://127.0.0.1:1")


def test_the_printed_script_makes_the_same(
    spark: SparkSession, hostile: Warehouse, tmp_path: Path
) -> None:
    session = spark.newSession()
    for statement in hostile.views_sql("reward_trends", dialect="spark", scratch=str(tmp_path)):
        session.sql(statement)
    must_agree(session, hostile, "reward_trends")
    session.sql(hostile.views_sql("reward_trends", dialect="spark")[0])
    scratch = session.conf.get("dakota.scratch")
    assert str(scratch).startswith(f"/tmp/dakota-wh-{spark.sparkContext.applicationId}-")  # noqa: S108


def test_a_registered_moment_stays_until_it_is_registered_anew(
    spark: SparkSession, tmp_path: Path
) -> None:
    session, warehouse = spark.newSession(), api.open(tmp_path / "warehouse")
    warehouse.ingest(one_log(tmp_path, "first", orchestrated(1, 12)))
    assert dakota_wh.spark.register(session, warehouse.path, ["metrics"]) == [
        "metrics_v1",
        "metrics",
    ]
    steps = "SELECT count(*), max(step) FROM metrics WHERE metric = 'reward/mean'"
    assert [*session.sql(steps).collect()[0]] == [10, 11]
    warehouse.ingest(one_log(tmp_path, "first", orchestrated(1, 20)))
    warehouse.ingest(one_log(tmp_path, "second", orchestrated(2, 12)))
    assert [*session.sql(steps).collect()[0]] == [10, 11], "neither half nor both"
    dakota_wh.spark.register(session, warehouse.path, ["metrics"])
    assert [*session.sql(steps).collect()[0]] == [28, 19]


def test_the_owners_runs(spark: SparkSession, data: Path, tmp_path: Path) -> None:
    warehouse = api.open(tmp_path / "warehouse")
    warehouse.ingest(data / "29hn8w98", data / "7nikv4vp")
    session = spark.newSession()
    wanted = ("reward_stats", "reward_trends", "reward_loss_by_step")
    dakota_wh.spark.register(session, warehouse.path, wanted)
    must_agree(session, warehouse, *wanted)
    reference = json.loads((data / "reference_results.json").read_text(encoding="utf-8"))
    trends = {row["metric"]: row for row in session.table("reward_trends").collect()}
    for metric, told in reference["orchestrator"]["reward_trends"].items():
        assert same(trends[metric]["improvement"], float(told["improvement"])), metric


#: What a person's session may have set, and would change an answer or refuse a view.
ODD_SETTINGS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.files.ignoreMissingFiles": "true",
    "spark.sql.groupByAliases": "false",
    "spark.sql.legacy.exponentLiteralAsDecimal.enabled": "true",
    "spark.sql.legacy.setopsPrecedence.enabled": "true",
    "spark.sql.legacy.ctePrecedencePolicy": "LEGACY",
    "spark.sql.parser.escapedStringLiterals": "true",
}


def test_settings_of_a_session_change_no_answer(spark: SparkSession, tmp_path: Path) -> None:
    """And what looks like a setting in a name means itself."""
    warehouse = api.open(tmp_path / "${spark.app.name} 'x")
    one = [{"step": n, "Loss": n / 2, "reward": n} for n in range(12)]
    other = [{"step": n, "loss": -n / 2, "note": "text"} for n in range(12)]
    for run_id, rows in (("${spark.app.name}", one), ("second", other)):
        warehouse.ingest(one_log(tmp_path, "log", rows), store_as=run_id)
    session = spark.newSession()
    for key, value in ODD_SETTINGS.items():
        session.conf.set(key, value)
    names = ("history", "metric_health", "config")
    dakota_wh.spark.register(session, warehouse.path, names)
    must_agree(session, warehouse, *names)
    assert {key: session.conf.get(key) for key in ODD_SETTINGS} == ODD_SETTINGS
    filters: dict[str, Any] = {"runs": ["${spark.app.name}"], "metric": "rew*"}
    asked = warehouse.query("metrics", **filters, engine=SparkEngine(session))
    assert len(asked.rows()) == 12
    assert asked.rows() == warehouse.query("metrics", **filters).rows()
    script = session.newSession()
    for statement in warehouse.views_sql("history", dialect="spark", scratch=str(tmp_path / "s")):
        script.sql(statement)
    assert script.table("history").count() == 24


def test_a_part_that_is_gone_is_an_error_whatever_the_session_says(
    spark: SparkSession, tmp_path: Path
) -> None:
    warehouse, session = api.open(tmp_path / "warehouse"), spark.newSession()
    for run in ("first", "second"):
        warehouse.ingest(one_log(tmp_path, run, orchestrated(1, 12)))
    session.conf.set("spark.sql.files.ignoreMissingFiles", "true")
    dakota_wh.spark.register(session, warehouse.path, ["metrics"])
    next((warehouse.path / "metrics").glob("*/run_id=second/part-*")).unlink()
    with pytest.raises(Exception, match=r"FILE_NOT_EXIST|does not exist"):
        session.table("metrics").collect()


def test_keys_that_spark_cannot_have_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    warehouse = api.open(tmp_path / "warehouse")
    warehouse.ingest(one_log(tmp_path, "one", [{"S": 1.0, "ſ": 2.0}]))
    with pytest.raises(WarehouseError, match="'S' and 'ſ' are one name to Spark"):
        warehouse.query("history", engine=SparkEngine(spark))
    other = api.open(tmp_path / "other")
    other.ingest(one_log(tmp_path, "two", [{"a ${java.home}": 1.0}]))
    with pytest.raises(WarehouseError, match="is no name to Spark"):
        other.query("history", engine=SparkEngine(spark))
    rows = other.query("series", engine=SparkEngine(spark)).dicts()
    assert [row["metric"] for row in rows] == ["a ${java.home}"]


#: Views with rows of one run each, of pairs, and of columns per key.
IN_A_STORE = ("series", "fixed_pairs", "history")


def brought(place: str) -> set[tuple[str, str]]:
    """Return the tables and runs of which a store's mirror has parts."""
    found = api.open(place).path.glob("*/role=*/run_id=*/part-*")
    names = {(path.parts[-4], path.parts[-2]) for path in found}
    return {(table, run) for table, run in names if "zz_schema" not in run}


def test_the_command_brings_what_it_asks_for(
    spark: SparkSession, hostile: Warehouse, store: str
) -> None:
    engine, reader = SparkEngine(spark), api.open(store)
    asked: list[tuple[str, dict[str, Any], set[str]]] = [
        ("summary", {"runs": [ODD]}, {"summary"}),
        ("metrics", {"runs": [ODD], "metric": "*/mean"}, {"summary", "metrics"}),
    ]
    for view, filters, needs in asked:
        wanted = hostile.query(view, **filters)
        got = reader.query(view, **filters, engine=engine)
        assert differences(got.columns, got.rows(), wanted.rows()) == []
        assert {table for table, _ in brought(store)} == needs
    assert len({run for _, run in brought(store)}) == 1
    assert not list(moment_folders(store)), "they go with the answer"


def moment_folders(place: str) -> Iterator[Path]:
    """Yield what Spark reads of a store, as long as it does."""
    mirror = api.open(place).path
    yield from (one for one in mirror.with_name(f"{mirror.name}.read").glob("*") if one.is_dir())


def test_a_session_reads_a_store_as_a_folder(
    spark: SparkSession, hostile: Warehouse, store: str, tmp_path: Path
) -> None:
    session = spark.newSession()
    laid = dakota_wh.spark.register(session, store, IN_A_STORE)
    assert sorted(laid) == sorted([*IN_A_STORE, *(f"{view}_v1" for view in IN_A_STORE)])
    [place] = moment_folders(store)
    # Another process removes a run and has the cache to itself: this session keeps its moment.
    other = api.open(store)
    other.remove(DIGITS)
    other.ingest(one_log(tmp_path, "new", orchestrated(1, 12)))
    other.query("metrics")
    must_agree(session, hostile, *IN_A_STORE)
    assert place.is_dir()
