"""SQL as typed: nothing that is no SELECT, nothing from outside the folder, and it comes back."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest

from dakota_wh.api import Warehouse
from dakota_wh.api import open as open_warehouse
from dakota_wh.cli import run
from dakota_wh.errors import BadQuery, UsageProblem
from dakota_wh.warehouse import gate, spill
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.embedded import EmbeddedDuckDB
from dakota_wh.warehouse.question import Question
from dakota_wh.warehouse.result import _TABLE as RESULT
from dakota_wh.warehouse.result import Result
from tests.warehouse.gate_corpus import (
    HARMLESS,
    MORE_READS,
    MORE_WRITES,
    READS,
    SECRET,
    WRITES,
    generated,
)
from tests.warehouse.kit import constant_run, files_of, ingest


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder with a warehouse, a secret beside it, and links from it to the secret."""
    folder = tmp_path_factory.mktemp("gate")
    root = folder / "wh"
    ingest(root, constant_run(folder / "in", "run", 1.0))
    (folder / "secret.csv").write_text(f"a,b\n{SECRET},2\n")
    (folder / "secret.json").write_text(f'{{"a": "{SECRET}"}}\n')
    (folder / "wh-beside").mkdir()
    (folder / "wh-beside" / "secret.csv").write_text(f"a\n{SECRET}\n")
    (root / "link.csv").symlink_to(folder / "secret.csv")
    (root / "linked").symlink_to(folder, target_is_directory=True)
    before = os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture
def warehouse(place: Path) -> Warehouse:
    return open_warehouse(place / "wh")


def filled(attack: str, place: Path) -> str:
    return attack.format(root=place / "wh", out=place)


@pytest.fixture(scope="module")
def behind(place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give one connection behind the gate, whose settings are locked, for many statements."""
    with connect(place / "wh", ["runs", "metrics"]) as connection:
        yield connection


def refused(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """Return why a text was refused, nothing when it ran."""
    try:
        Result.of(connection, gate.checked(connection, text))
    except (BadQuery, duckdb.Error) as error:
        return str(error) or "refused"
    return ""


def outside_and_inside(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and ".dakota-wh" not in path.parts
    }


def test_nothing_but_a_select_runs(
    place: Path, warehouse: Warehouse, behind: duckdb.DuckDBPyConnection
) -> None:
    before = outside_and_inside(place)
    for attack in (*WRITES, *MORE_WRITES):
        assert refused(behind, filled(attack, place)), attack
    assert outside_and_inside(place) == before
    assert len(warehouse.query("runs")) == 1


def test_nothing_outside_the_folder_is_read(place: Path, behind: duckdb.DuckDBPyConnection) -> None:
    before = outside_and_inside(place)
    for attack in (*READS, *MORE_READS):
        said = refused(behind, filled(attack, place))
        assert said, attack
        assert SECRET not in said
    assert outside_and_inside(place) == before


def test_no_function_of_the_engine_reaches_outside(
    place: Path, behind: duckdb.DuckDBPyConnection
) -> None:
    """Each table function is called with what it may take for a path; some may run, none leaks."""
    before = outside_and_inside(place)
    calls = [*generated(), *HARMLESS]
    assert len(calls) > 500
    ran = 0
    for attack in calls:
        said = refused(behind, filled(attack, place))
        if not said:
            ran += 1
            said = repr(behind.execute(f"SELECT CAST(r AS VARCHAR) FROM {RESULT} AS r").fetchall())
        assert SECRET not in said, attack
    assert 20 < ran < 100
    assert outside_and_inside(place) == before


def test_the_corpus_is_of_many_attacks() -> None:
    corpus = [*WRITES, *READS, *MORE_WRITES, *MORE_READS]
    assert len(corpus) == len(set(corpus)) > 300


def test_the_gate_itself_refuses_as_the_connection_behind_it_does(
    place: Path, warehouse: Warehouse
) -> None:
    for attack in (*MORE_WRITES[::12], *MORE_READS[::12], "UPDATE EXTENSIONS"):
        with pytest.raises(BadQuery):
            warehouse.sql(filled(attack, place))


def test_values_that_python_has_not_are_one_error(warehouse: Warehouse) -> None:
    moments = warehouse.sql("SELECT [TIMESTAMPTZ '2026-01-01 00:00:00+00'] AS a")
    with suppress(BadQuery):  # where pytz is installed it can
        assert len(moments.rows()) == 1
    with suppress(BadQuery):
        warehouse.sql("SELECT * FROM test_all_types()").rows()


def test_a_search_below_the_folder_does_not_follow_links_out(
    place: Path, warehouse: Warehouse
) -> None:
    for pattern in ("**/secret.csv", "**/*.csv", "**", "**/secret.json"):
        try:
            rows = warehouse.sql(f"SELECT content FROM read_text('{place}/wh/{pattern}')").rows()
        except BadQuery:
            continue
        assert SECRET not in repr(rows)


def test_settings_cannot_be_opened_from_inside(warehouse: Warehouse) -> None:
    rows = warehouse.sql(
        "SELECT name, value FROM duckdb_settings() WHERE name IN ('enable_external_access', "
        "'autoload_known_extensions', 'autoinstall_known_extensions', 'lock_configuration')"
    ).rows()
    assert dict(rows) == {
        "enable_external_access": "false",
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "lock_configuration": "true",
    }


LEGITIMATE = {
    "SELECT 1": [(1,)],
    "SELECT 1;": [(1,)],
    "SELECT 1 ; ;;": [(1,)],
    "SELECT 1; -- done": [(1,)],
    "SELECT 1; -- a;b\n/* ; */ --": [(1,)],
    "SELECT 1 -- done": [(1,)],
    "SELECT 1 /* ; */": [(1,)],
    "-- first\n  SELECT 1": [(1,)],
    "SELECT 'a;b' -- ;": [("a;b",)],
    "SELECT 'a;--b'": [("a;--b",)],
    "SELECT 'it''s; ' || ';' ;": [("it's; ;",)],
    "SELECT $$a;--b$$;": [("a;--b",)],
    'SELECT 1 AS "x;y";': [(1,)],
    "(SELECT 1)": [(1,)],
    "VALUES (1), (2)": [(1,), (2,)],
    "FROM (VALUES (3)) AS t": [(3,)],
    "FROM runs SELECT run_id": [("run",)],
    "TABLE runs_v1 ORDER BY ALL LIMIT 0": [],
    "WITH x AS (SELECT 4 AS n) SELECT n FROM x": [(4,)],
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) FROM t": [
        *((1,), (2,), (3,))
    ],
    "SELECT 1 AS a, 2 AS a": [(1, 2)],
    "SELECT count(*) FROM RUNS": [(1,)],
    "SELECT count(*) FROM \"metrics\" WHERE metric = 'loss'": [(25,)],
    "SELECT count(*) FROM memory.main.metrics_v1": [(50,)],
    "SELECT r.run_id, s.run_id FROM runs r JOIN steps s USING (run_id) LIMIT 1": [("run", "run")],
    "SELECT count(*) FROM query_table('runs')": [(1,)],
    "SELECT NULL, true, 1.5, [1, 2], {'a': 1}": [(None, True, 1.5, [1, 2], {"a": 1})],
    "SELECT to_timestamp(0), NULL::TIMESTAMPTZ": [(datetime(1970, 1, 1, tzinfo=UTC), None)],
    "SELECT count(*) FROM read_parquet('{root}/runs/*/*/run-*.parquet')": [(1,)],
    "SELECT count(*) > 0 FROM glob('{root}/runs/**')": [(True,)],
}


@pytest.mark.parametrize("text", LEGITIMATE)
def test_a_select_of_any_form_passes(place: Path, warehouse: Warehouse, text: str) -> None:
    filled_in = text.replace("{root}", str(place / "wh"))
    assert warehouse.sql(filled_in).rows() == LEGITIMATE[text]


def test_describe_and_summarize_pass(warehouse: Warehouse) -> None:
    assert warehouse.sql("DESCRIBE metrics").rows()[0][:2] == ("run_id", "VARCHAR")
    assert warehouse.sql("SUMMARIZE metrics;").rows()[2][:4] == (
        "metric",
        "VARCHAR",
        "loss",
        "reward/mean",
    )
    assert warehouse.sql("DESCRIBE SELECT 1 AS a -- b").rows()[0][0] == "a"


def test_a_result_has_every_form(warehouse: Warehouse) -> None:
    result = warehouse.sql("SELECT step, value FROM metrics WHERE metric = 'loss' ORDER BY step")
    assert len(result) == 25
    assert result.rows() == list(result) == [(step, 1.0) for step in range(25)]
    assert result.dicts()[0] == {"step": 0, "value": 1.0}
    assert result.arrow().to_pydict()["step"] == list(range(25))
    assert result.df()["step"].tolist() == result.pl()["step"].to_list() == list(range(25))
    result.close()


@pytest.mark.parametrize(
    "text",
    [
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 1",
    ],
)
def test_what_never_ends_is_stopped(warehouse: Warehouse, text: str) -> None:
    start = time.monotonic()
    with pytest.raises(BadQuery, match=r"took longer than 0\.5 s"):
        warehouse.sql(text, timeout=0.5, memory_limit="200MB")
    assert time.monotonic() - start < 8
    assert warehouse.sql("SELECT 1", timeout=5).rows() == [(1,)]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT list(range) FROM range(100000000)",
        "SELECT string_agg(repeat('x', 1000), '') FROM range(10000000)",
    ],
)
def test_what_wants_too_much_memory_is_refused(warehouse: Warehouse, text: str) -> None:
    with pytest.raises(BadQuery, match=r"(?i)memory|took longer"):
        warehouse.sql(text, memory_limit="60MB", timeout=20)
    assert warehouse.sql("SELECT 1").rows() == [(1,)]


def test_a_memory_limit_that_is_too_small_to_open_blames_no_run(
    warehouse: Warehouse,
) -> None:
    with pytest.raises(BadQuery, match="cannot be read in 1MB of memory") as raised:
        warehouse.sql("SELECT count(*) FROM reward_trends", memory_limit="1MB")
    assert "remove" not in raised.value.hint
    with pytest.raises(BadQuery, match="cannot be read in 1MB of memory"):
        warehouse.query("reward_trends", memory_limit="1MB")
    with pytest.raises(BadQuery, match="cannot be read in 1MB of memory"):
        warehouse.check(memory_limit="1MB")


def test_a_view_that_wants_too_much_memory_is_refused(warehouse: Warehouse) -> None:
    """What does not fit is said, and what can be spilled is answered all the same."""
    limit = "3MB"
    with pytest.raises(BadQuery, match="memory") as of_view:
        warehouse.query("theil_sen", memory_limit=limit)
    with pytest.raises(BadQuery, match="memory") as of_check:
        warehouse.check(memory_limit=limit)
    assert "memory_limit=" in of_view.value.hint
    assert "memory_limit=" in of_check.value.hint
    assert warehouse.query("runs", memory_limit="60MB").rows() == warehouse.runs().rows()


def test_what_spills_leaves_nothing_behind(warehouse: Warehouse) -> None:
    text = "SELECT range AS i, hash(range) AS h FROM range(3000000) ORDER BY h"
    result = warehouse.sql(f"SELECT count(*), sum(i) FROM ({text})", memory_limit="60MB")
    assert result.rows() == [(3_000_000, 3_000_000 * 2_999_999 // 2)]
    (place,) = warehouse.sql("SELECT current_setting('temp_directory')").rows()[0]
    result.close()
    assert not Path(place).exists()
    assert not list(Path(place).parent.iterdir())


def test_nobody_can_put_anything_where_it_spills(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL may read there: it must be a new folder of this user's, and each connection's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spill._of_process.cache_clear()
    (tmp_path / f"dakota-wh-spill-{os.getpid()}").symlink_to("/etc")
    places = {
        Path(warehouse.sql("SELECT current_setting('temp_directory')").rows()[0][0])
        for _ in range(2)
    }
    assert len(places) == 2
    (folder,) = {place.parent for place in places}
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not any(place.exists() for place in places)
    spill._of_process.cache_clear()


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), 1e12, -1, "x"])
def test_a_time_limit_that_no_clock_keeps_is_refused(warehouse: Warehouse, limit: Any) -> None:
    with pytest.raises(UsageProblem, match="cannot be a time limit"):
        warehouse.sql("SELECT 1", timeout=limit)
    with pytest.raises(UsageProblem, match="cannot be a time limit"):
        warehouse.query("runs", timeout=limit)


@pytest.mark.parametrize("limit", ["99999999TB", "1'; SET x", "much", "", "-1", "0"])
def test_a_memory_limit_that_is_none_is_refused(warehouse: Warehouse, limit: str) -> None:
    with pytest.raises(UsageProblem, match="cannot be a memory limit") as raised:
        warehouse.sql("SELECT 1", memory_limit=limit)
    assert "doctor" not in raised.value.hint


def test_a_limit_of_rows_beyond_the_engines_is_refused(warehouse: Warehouse) -> None:
    assert len(warehouse.query("runs", limit=2**63 - 1)) == 1
    with pytest.raises(UsageProblem, match="cannot be larger"):
        warehouse.query("runs", limit=2**63)


@pytest.mark.parametrize("options", [["--timeout", "nan"], ["--timeout", "inf"]])
def test_impossible_limits_are_wrong_usage(place: Path, options: list[str]) -> None:
    for command in (["sql", "SELECT 1"], ["mcp"]):
        assert run([*command, *options, "--warehouse", str(place / "wh")]) == 2


def test_impossible_numbers_are_wrong_usage(place: Path) -> None:
    where = ["--warehouse", str(place / "wh")]
    assert run(["query", "runs", "--limit", "9" * 23, *where]) == 2
    assert run(["sql", "SELECT 1", "--memory-limit", "99999999TB", *where]) == 2


@pytest.mark.parametrize("ending", ["", "runs/../", "runs/role=*/../../"])
def test_what_lies_beside_the_tables_is_not_read(tmp_path: Path, ending: str) -> None:
    """The warehouse may be a project's folder, which has a .env."""
    ingest(tmp_path, constant_run(tmp_path / "in", "r", 1.0))
    files = [tmp_path / ".env", tmp_path / ".dakota-wh" / "note"]
    for file in files:
        file.write_text(SECRET)
        name = file.relative_to(tmp_path)
        with pytest.raises(BadQuery, match="Permission Error"):
            open_warehouse(tmp_path).sql(f"SELECT * FROM read_text('{tmp_path}/{ending}{name}')")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT (repeat('[', 100000) || repeat(']', 100000))::JSON::VARIANT IS NULL",
        "SELECT CAST('[]'::JSON AS system.main.\"Variant\")",
        "SELECT variant_typeof('[]'::JSON)",
        "SELECT '[]'::JSON:: /* x */ variant[]",
        "FROM query('SELECT ''[]''::JSON::VARI' || 'ANT')",
        "FROM \"query\" /* x */ ('SELECT 1')",
    ],
)
def test_what_would_end_the_process_is_refused(warehouse: Warehouse, text: str) -> None:
    with pytest.raises(BadQuery, match=r"VARIANT of JSON|runs a text as SQL"):
        warehouse.sql(text)


def test_names_like_those_are_only_names(warehouse: Warehouse) -> None:
    text = "SELECT 'variant' AS query, 1 AS \"variant/loss\" -- VARIANT query("
    assert warehouse.sql(text).rows() == [("variant", 1)]


def test_many_semicolons_are_cut_at_once(behind: duckdb.DuckDBPyConnection) -> None:
    """The statement is parsed once, not again for each: that is beyond any time limit."""
    counting = Mock(wraps=behind)
    assert gate.checked(counting, "SELECT 'ä;'" + ";" * 2_000 + " -- ;") == "SELECT 'ä;'"
    assert counting.extract_statements.call_count == 1


def test_what_is_advised_can_be_done(warehouse: Warehouse) -> None:
    with pytest.raises(BadQuery, match="depth") as raised:
        warehouse.sql("SELECT " + "(" * 3000 + "1" + ")" * 3000)
    assert "SET" not in str(raised.value)
    with pytest.raises(BadQuery, match="PIVOT without IN") as raised:
        warehouse.sql("PIVOT runs ON run_id")
    assert "MULTI" not in str(raised.value)
    pivot = "PIVOT metrics ON metric IN ('loss') USING count(*) GROUP BY run_id"
    assert warehouse.sql(pivot).rows() == [("run", 25)]


def test_a_deep_statement_harms_nobody(warehouse: Warehouse) -> None:
    for text in ("(" * 5000 + "SELECT 1" + ")" * 5000, "SELECT " + "1+" * 20000 + "1"):
        with suppress(BadQuery):
            assert len(warehouse.sql(text)) == 1
    nested = "SELECT 1"
    for _ in range(200):
        nested = f"SELECT * FROM ({nested})"
    assert warehouse.sql(nested).rows() == [(1,)]


def test_names_of_runs_and_metrics_are_no_sql(tmp_path: Path) -> None:
    """Filters are bound, and an id that is SQL is only an id."""
    root = tmp_path / "wh"
    evil = "x'; DROP VIEW runs; --"
    ingest(root, constant_run(tmp_path / "in", "r", 1.0), store_as=evil)
    warehouse = open_warehouse(root)
    assert len(warehouse.query("metrics", runs=[evil])) == 50
    assert len(warehouse.query("metrics", metric="x' OR '1'='1")) == 0
    before = files_of(root)
    for text in itertools.chain(WRITES[:3], READS[:3]):
        with pytest.raises(BadQuery):
            warehouse.sql(text.format(root=root, out=tmp_path))
    assert files_of(root) == before


def test_an_engine_of_ones_own_is_asked_for_no_limit_that_was_not_given(
    warehouse: Warehouse,
) -> None:
    class Own:
        def answer(self, root: Path, question: Question, timeout: float | None = None) -> Result:
            return EmbeddedDuckDB().answer(root, question, timeout)

    own: Any = Own()
    assert warehouse.query("runs", engine=own).rows() == warehouse.runs().rows()
