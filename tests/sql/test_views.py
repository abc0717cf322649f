"""The registry: names and versions, headers, dependencies, the fingerprint; and the lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh.errors import NoSuchView, WarehouseError
from dakota_wh.sql import lock, views
from dakota_wh.sql.views import Column, Registry, parse_view

HEADER = "-- {name}: what it is\n-- row: a thing\n-- column a BIGINT: a number\n"


def write(folder: Path, relation: str, sql: str) -> None:
    name = relation.rpartition("_v")[0]
    (folder / f"{relation}.sql").write_text(HEADER.format(name=name) + sql, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "stored_x.sql").write_text("SELECT 1 AS a -- {root}")
    write(tmp_path, "base_v1", "SELECT a FROM stored_x")
    write(tmp_path, "base_v2", "SELECT a FROM stored_x, stored_y")
    write(tmp_path, "base_v10", "SELECT a FROM base_v2")
    write(tmp_path, "above_v1", "SELECT 1 -- not base_v1\n,  'base_v2' FROM base_v10 JOIN stored_x")
    return tmp_path


def test_the_newest_version_has_the_plain_name(folder: Path) -> None:
    registry = Registry.load(folder)
    assert registry.aliases == {"above": "above_v1", "base": "base_v10"}
    assert registry.find("base").version == 10
    assert registry.find("base", 2).relation == "base_v2"
    assert registry.find("base_v1") is registry.find("base", 1) is registry.find("base_v1", 1)
    assert list(registry.views) == ["above_v1", "base_v1", "base_v2", "base_v10"]
    with pytest.raises(NoSuchView, match=r"no version 3 of 'base'\. It has version 1, 2, 10"):
        registry.find("base", 3)
    with pytest.raises(NoSuchView, match="'base_v1' is version 1, not 2"):
        registry.find("base_v1", 2)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("reward_trend", "Did you mean reward_trends or"),
        ("rewards_trends", "reward_trends"),
        ("reward-trends", "reward_trends"),
        ("REWARD_STATS", "reward_stats"),
        ("reward_stats_v9", "reward_stats_v1"),
        ("loss", "reward_loss_by_step"),
        ("qqqqq", "`dakota-wh views` lists all."),
        ("", "`dakota-wh views` lists all."),
        ("runs; DROP TABLE x", "`dakota-wh views` lists all."),
    ],
)
def test_the_nearest_names_are_shown(wrong: str, hint: str) -> None:
    with pytest.raises(NoSuchView) as caught:
        views.find_view(wrong)
    assert hint in caught.value.hint
    assert caught.value.hint.endswith("`dakota-wh views` lists all.")
    assert caught.value.exit_code == 2


def test_dependencies_and_the_order_to_create_in(folder: Path) -> None:
    registry = Registry.load(folder)
    assert registry.dependencies(registry.find("above")) == ["base_v10", "stored_x"]
    assert registry.closure(["above"]) == [
        "stored_x",
        "stored_y",
        "base_v2",
        "base_v10",
        "above_v1",
    ]
    assert registry.closure(["base_v1", "stored_x"]) == ["stored_x", "base_v1"]
    everything = registry.closure()
    assert sorted(everything) == sorted([*registry.views, "stored_x", "stored_y"])
    for relation, view in registry.views.items():
        needed = registry.dependencies(view)
        assert all(everything.index(n) < everything.index(relation) for n in needed)


def test_a_missing_relation_and_a_circle_are_refused(folder: Path) -> None:
    write(folder, "lost_v1", "SELECT a FROM nowhere_v1")
    with pytest.raises(
        WarehouseError, match=r"lost_v1\.sql reads nowhere_v1, which does not exist"
    ):
        Registry.load(folder).closure()
    (folder / "lost_v1.sql").unlink()
    write(folder, "one_v1", "SELECT a FROM two_v1")
    write(folder, "two_v1", "SELECT a FROM one_v1")
    with pytest.raises(WarehouseError, match="circle: one_v1 > two_v1"):
        Registry.load(folder).closure(["one"])


def test_a_header_is_read_whole() -> None:
    text = (
        "-- x: what it is,\n--   over two lines\n-- row: a thing\n-- formula: a + b: c\n"
        "-- note: one\n-- note: two\n-- column a BIGINT: a number\n--   (s)\n"
        "-- column b DECIMAL(3, 1): half: a\n-- rest: one per key\n\n-- why so\nSELECT 1 AS a;\n"
    )
    view = parse_view(Path("x_v3.sql"), text)
    assert (view.name, view.version, view.relation) == ("x", 3, "x_v3")
    assert view.description == "what it is, over two lines"
    assert (view.row, view.formula, view.notes) == ("a thing", "a + b: c", ("one", "two"))
    assert view.columns == (
        Column("a", "BIGINT", "a number (s)"),
        Column("b", "DECIMAL(3, 1)", "half: a"),
    )
    assert (view.rest, view.sql) == ("one per key", "-- why so\nSELECT 1 AS a")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.sql", "", "not called like a view"),
        ("x_v0.sql", "", "not called like a view"),
        ("x_v1.sql", "SELECT 1", "must begin with '-- x: …'"),
        ("x_v1.sql", "-- y: no\n-- row: no\nSELECT 1", "must begin with '-- x: …'"),
        (
            "x_v1.sql",
            "-- x: a\n-- row: b\n-- colour: red\nSELECT 1",
            "unknown header line: 'colour'",
        ),
        ("x_v1.sql", "-- x: a\n-- row: b\n-- column a: red\nSELECT 1", "column NAME TYPE"),
        ("x_v1.sql", "-- x: a\n-- row: b\n-- just words\nSELECT 1", "without a label"),
    ],
)
def test_a_malformed_file_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(WarehouseError, match=message):
        parse_view(Path(name), text)


def test_the_fingerprint_changes_with_any_text(folder: Path) -> None:
    before = Registry.load(folder).fingerprint
    assert Registry.load(folder).fingerprint == before
    (folder / "stored" / "stored_x.sql").write_text("SELECT 2 AS a -- {root}")
    stored_changed = Registry.load(folder).fingerprint
    write(folder, "base_v1", "SELECT a, a FROM stored_x")
    assert len({before, stored_changed, Registry.load(folder).fingerprint}) == 3


def test_the_registry_imports_neither_duckdb_nor_a_parser() -> None:
    code = (
        "import sys; from dakota_wh.sql import views; views.closure(); views.fingerprint();"
        "print({'duckdb', 'sqlglot', 'pyarrow', 'numpy', 'click'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_line_ends_do_not_matter(folder: Path) -> None:
    plain = Registry.load(folder)
    for path in folder.glob("*.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    ported = Registry.load(folder)
    assert lock.current(ported) == lock.current(plain)
    assert ported.fingerprint == plain.fingerprint


# --- the lock -------------------------------------------------------------------------------------


def test_locking_adds_what_is_new_and_refuses_what_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lock.main([], folder) == 0
    locked = json.loads((folder / "lock.json").read_text())
    assert list(locked) == sorted(["above_v1", "base_v1", "base_v10", "base_v2"])
    assert capsys.readouterr().out.splitlines()[0] == "above_v1 locked"

    write(folder, "base_v1", "SELECT a + 1 AS a FROM stored_x")
    write(folder, "base_v11", "SELECT a FROM stored_x")
    assert lock.main([], folder) == 1
    assert "base_v1 was edited after it was locked" in capsys.readouterr().err
    assert json.loads((folder / "lock.json").read_text()) == locked
    assert lock.main(["--unreleased", "base"], folder) == 1, "that is base_v11"

    assert lock.main(["--unreleased", "base_v1"], folder) == 0
    assert set(capsys.readouterr().out.split("\n")) == {"base_v1 locked", "base_v11 locked", ""}
    assert lock.problems(lock.read(folder / "lock.json"), lock.current(Registry.load(folder))) == {}


def test_a_view_is_not_removed_in_silence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock.main([], folder)
    (folder / "above_v1.sql").unlink()
    assert lock.main([], folder) == 1
    assert "above_v1 is locked, but its file is gone" in capsys.readouterr().err
    assert lock.main(["--unreleased", "above_v1"], folder) == 0
    assert "above_v1" not in json.loads((folder / "lock.json").read_text())
    assert lock.main(["--unreleased", "nothing"], folder) == 1


def test_every_kind_of_problem_is_seen() -> None:
    found = lock.problems({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"})
    assert found == {
        "b": "was edited after it was locked",
        "c": "is locked, but its file is gone",
        "d": "is not locked",
    }
