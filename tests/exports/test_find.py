"""What a folder or file holds, and what runs are called."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.find import find_exports
from dakota_wh.ingest.source import Source

TABLE = pa.table({"_step": pa.array([0, 1])})


def found(path: Path) -> list[tuple[str, str, str]]:
    """Return kind, name and run of every export."""
    sources: list[Source] = find_exports(path)
    return [(source.kind, source.name, source.run_id) for source in sources]


def fill(folder: Path, *names: str) -> Path:
    """Write small files whose content fits their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        if path.suffix.lower() in (".parquet", ".pq"):
            pq.write_table(TABLE, path)
        elif path.suffix == ".json":
            path.write_text("{}")
        else:
            path.write_text("_step,a\n0,1\n")
    return folder


def test_the_owners_folder(owner_data: Path) -> None:
    assert found(owner_data) == [
        ("json-export", "dakota_rl_wandb_export.json", "29hn8w98"),
        ("csv-export", "29hn8w98/29hn8w98_history.csv", "29hn8w98"),
        ("csv-export", "7nikv4vp/7nikv4vp_history.csv", "7nikv4vp"),
    ]
    run = owner_data / "7nikv4vp"
    one = [("csv-export", "7nikv4vp/7nikv4vp_history.csv", "7nikv4vp")]
    assert found(run) == one
    for path in run.iterdir():
        assert found(path) == one
    assert found(owner_data / "README.md") == []
    assert found(owner_data / "reference_results.json") == []


def test_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    assert found(tmp_path / "missing") == []
    fill(tmp_path, "a.txt", "x_summary.json", "other.json", "notes.csv", ".hidden_history.csv")
    assert found(tmp_path) == []
    assert found(tmp_path / "x_summary.json") == []
    fill(tmp_path / "one" / "two", "x_history.csv")
    assert found(tmp_path) == []
    assert len(found(tmp_path / "one")) == 1


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("29hn8w98_history.csv", "29hn8w98"),
        ("my_run_history.csv", "my_run"),
        ("29hn8w98-history.csv", "29hn8w98"),
        ("history.csv", "folder"),
        ("_history.csv", "folder"),
        ("odd run=1_history.csv", "odd run=1"),
        ("29hn8w98_history.parquet", "29hn8w98"),
        ("acme_my-proj_29hn8w98_0.runhistory.parquet", "29hn8w98"),
        ("my_team_my_proj_29hn8w98_0.runhistory.parquet", "29hn8w98"),
        ("acme_proj_29hn8w98_12.parquet", "29hn8w98"),
        ("0000.parquet", "folder"),
        ("part-3.parquet", "folder"),
        ("history.parquet", "folder"),
        ("run-29hn8w98-history.parquet", "29hn8w98"),
    ],
)
def test_run_ids(tmp_path: Path, name: str, run: str) -> None:
    folder = fill(tmp_path / "folder", name)
    for path in (folder, folder / name, tmp_path):
        ((_, short, run_id),) = found(path)
        assert run_id == run
        assert short == (f"folder/{name}" if run == "folder" else name)


def test_a_named_file_of_any_name(tmp_path: Path) -> None:
    fill(tmp_path, "mine.csv", "mine.parquet")
    assert found(tmp_path / "mine.csv") == [("csv-export", "mine.csv", "mine")]
    assert found(tmp_path / "mine.parquet") == [("parquet-export", "mine.parquet", "mine")]


def test_parts_of_one_run_and_of_several(tmp_path: Path) -> None:
    one = fill(tmp_path / "run-29hn8w98-history:v0", "0000.parquet", "0001.parquet")
    name = "run-29hn8w98-history:v0/0000.parquet and 1 more"
    assert found(one) == [("parquet-export", name, "29hn8w98")]
    several = fill(
        tmp_path / "several",
        "e_p_aaaaaaa1_0.runhistory.parquet",
        "e_p_aaaaaaa1_1.runhistory.parquet",
        "e_q_aaaaaaa1_0.runhistory.parquet",
        "bbbbbbb2_history.parquet",
    )
    sources = find_exports(several)
    assert sorted((source.run_id, str(source.project)) for source in sources) == [
        ("aaaaaaa1", "p"),
        ("aaaaaaa1", "q"),
        ("bbbbbbb2", "None"),
    ]


def test_a_parquet_of_something_else_is_passed_over(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "table.parquet")
    assert found(tmp_path) == []
    (source,) = find_exports(tmp_path / "table.parquet")
    with pytest.raises(SourceProblem, match="no column _step"):
        source.read(None)


def test_a_damaged_file_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a_history.parquet").write_bytes(b"PAR1 damaged")
    (source,) = find_exports(tmp_path)
    with pytest.raises(SourceProblem, match="cannot be read as Parquet"):
        source.read(None)


def test_links_and_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fill(tmp_path / "29hn8w98", "29hn8w98_history.csv")
    (tmp_path / "link").symlink_to(run)
    one = [("csv-export", "29hn8w98/29hn8w98_history.csv", "29hn8w98")]
    assert found(tmp_path / "link") == one
    monkeypatch.chdir(run)
    assert found(Path(".")) == one
    assert found(Path("29hn8w98_history.csv")) == one
    monkeypatch.undo()
    assert found(tmp_path) == one


def test_a_folder_of_everything(tmp_path: Path) -> None:
    fill(tmp_path, "a_history.csv", "b_history.parquet", "a_summary.json")
    info = {"run_info": {"id": "c"}, "history": []}
    (tmp_path / "c.json").write_text(json.dumps(info))
    assert [run for _, _, run in found(tmp_path)] == ["a", "c", "b"]


def test_a_file_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9_history.csv"
    try:
        path.write_text("_step\n0\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    (source,) = find_exports(tmp_path)
    assert source.run_id == "caf\\udce9"
    assert source.name == "caf\\udce9_history.csv"
    reading = source.read(None)
    assert sum(rows.count for rows in reading.rows()) == 1
    json.dumps(reading.facts().resume, ensure_ascii=False).encode("utf-8")
