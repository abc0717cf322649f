"""What is named for ingest and is no file; folders that are closed; warehouses in one another."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dakota_wh import api
from dakota_wh.errors import NoSuchRun, NoSuchSource, NotAWarehouse, UsageProblem
from dakota_wh.ingest import removal
from dakota_wh.ingest.recognise import address_of, recognise
from tests.warehouse.kit import constant_run, ingest
from tests.warehouse.unprivileged import as_user


def a_pipe(place: Path) -> str:
    os.mkfifo(place / "q_history.csv")
    return str(place / "q_history.csv")


def a_device(place: Path) -> str:
    (place / "zero.json").symlink_to("/dev/zero")
    return str(place / "zero.json")


def a_circle(place: Path) -> str:
    (place / "run-loop").symlink_to(place / "run-loop")
    return str(place / "run-loop")


def a_link_to_nothing(place: Path) -> str:
    (place / "gone.json").symlink_to(place / "nothing.json")
    return str(place / "gone.json")


ODD: dict[str, tuple[Callable[[Path], str], str]] = {
    "pipe": (a_pipe, "pipe or a device"),
    "device": (a_device, "pipe or a device"),
    "circle": (a_circle, "leads nowhere"),
    "dangling": (a_link_to_nothing, "leads nowhere"),
    "long": (lambda place: str(place / ("x" * 300)), "too long"),
    "nobody": (lambda _: "~no-such-user-here/x", "no file or folder"),
}


@pytest.mark.skipif(os.name == "nt", reason="needs pipes and links")
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_said_to_be_none(tmp_path: Path, kind: str) -> None:
    make, says = ODD[kind]
    with pytest.raises(NoSuchSource, match=says):
        recognise(make(tmp_path))


def test_a_link_in_a_circle_is_no_run_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_circle(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert address_of("run-loop", "e", "p", narrows=False) is None


def test_a_closed_folder_stops_only_its_own_run(tmp_path: Path) -> None:
    """A run's folder, and one that may be anything, beside a run that can be read."""
    constant_run(tmp_path / "in", "good", 1.0)
    closed = [tmp_path / "in" / "run-20250101_000000-lock", tmp_path / "in" / "lost+found"]
    for folder in closed:
        folder.mkdir(mode=0)
    (tmp_path / "in" / "latest-run").symlink_to(closed[0])
    try:
        code, text = as_user(
            "ingest", tmp_path / "in", "--local-only", "--warehouse", tmp_path / "wh"
        )
    finally:
        for folder in closed:
            folder.chmod(0o700)
    assert code == 6, text
    for folder in closed:
        assert f"{folder.name} cannot be listed: permission denied" in text
    assert "latest-run" not in text
    assert [row["run_id"] for row in api.open(tmp_path / "wh").runs().dicts()] == ["good"]


def test_no_warehouse_comes_into_another(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    source = constant_run(tmp_path / "in", "a", 1.0)
    ingest(root, source)
    before = sorted(path for path in root.rglob("*") if ".dakota-wh" not in path.parts)
    for place in (root / "runs", root / "history" / "in"):
        with pytest.raises(UsageProblem, match="lies inside the warehouse"):
            api.open(place).ingest(source)
    (tmp_path / "link").symlink_to(root)
    for one, other in ((root, root / "deep"), (root, tmp_path), (root, tmp_path / "link" / "x")):
        with pytest.raises(UsageProblem, match="one in the other"):
            api.sync(one, other)
    with pytest.raises(UsageProblem, match="onto itself"):
        api.sync(root, tmp_path / "link")
    after = sorted(path for path in root.rglob("*") if ".dakota-wh" not in path.parts)
    assert after == before
    assert not (tmp_path / "runs").exists()


def test_a_link_to_no_folder_is_no_warehouse(tmp_path: Path) -> None:
    (tmp_path / "wh").symlink_to(tmp_path / "elsewhere")
    source = constant_run(tmp_path / "in", "a", 1.0)
    with pytest.raises(NotAWarehouse, match="elsewhere, which is not there"):
        api.open(tmp_path / "wh").ingest(source)


def test_of_two_removals_at_once_the_second_finds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "wh"
    for run in ("a", "b"):
        ingest(root, constant_run(tmp_path / "in", run, 1.0))
    asked = removal.must_be_removable

    def then_another_removes(place: Path, runs: list[str]) -> None:
        asked(place, runs)
        monkeypatch.setattr(removal, "must_be_removable", asked)
        removal.remove(place, "a")

    monkeypatch.setattr(removal, "must_be_removable", then_another_removes)
    with pytest.raises(NoSuchRun, match="no run a"):
        api.open(root).remove("a")


def test_python_says_what_was_meant_wrongly(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "abc", 1.0))
    warehouse = api.open(root)
    assert len(warehouse.query("runs", runs="abc")) == 1
    with pytest.raises(UsageProblem, match="not int: 1"):
        warehouse.query("runs", runs=[1])  # type: ignore[list-item]
    with pytest.raises(UsageProblem, match="not NoneType"):
        warehouse.sql(None)  # type: ignore[arg-type]
    result = warehouse.runs()
    result.close()
    result.close()
    for ask in (result.rows, result.arrow, result.df, result.__len__):
        with pytest.raises(UsageProblem, match="was closed"):
            ask()
    assert "closed" in repr(result)
