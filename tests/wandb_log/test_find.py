"""Which paths hold which runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dakota_wh.errors import NoSuchSource, SourceProblem
from dakota_wh.ingest.wandb_log import find_logs
from tests.wandb_log.encoder import history, item, log, records, run
from tests.wandb_log.reader import place, read


def simple(run_id: str, start: int = 1_700_000_000) -> bytes:
    return log(records([(17, run(run_id, start=start)), (2, history([item(["x"], "1")]))]))


def test_a_file_a_run_folder_a_wandb_folder_and_the_folder_around_it(tmp_path: Path) -> None:
    one = place(tmp_path, simple("one", 2_000), run_id="one")
    place(tmp_path, simple("two", 1_000), run_id="two")
    (tmp_path / "wandb" / "latest-run").symlink_to(one.parent, target_is_directory=True)
    (tmp_path / "wandb" / "offline-run-20250101_000000-three").mkdir()
    (tmp_path / "wandb" / "run-notes.txt").write_text("no folder")
    for path in (one, one.parent, tmp_path / "wandb" / "latest-run"):
        (found,) = find_logs(path)
        assert (found.run_id, found.name) == ("one", f"{one.parent.name}/run-one.wandb")
    for folder in (tmp_path, tmp_path / "wandb"):
        assert [found.run_id for found in find_logs(folder)] == ["two", "one"]


def test_links_never_double_a_run(tmp_path: Path) -> None:
    one = place(tmp_path, simple("one"), run_id="one")
    copy = tmp_path / "wandb" / "run-20240101_000000-one"
    copy.mkdir()
    (copy / one.name).symlink_to(one)
    (found,) = find_logs(tmp_path)
    assert found.name == f"{one.parent.name}/run-one.wandb"
    assert len(read(found).rows) == 1


def test_the_id_is_the_run_records_and_else_the_file_names(tmp_path: Path) -> None:
    (renamed,) = find_logs(place(tmp_path / "a", simple("true-id"), run_id="renamed"))
    assert renamed.run_id == "true-id"
    (empty,) = find_logs(place(tmp_path / "b", b"", run_id="x-y.z"))
    assert empty.run_id == "x-y.z"
    loose = tmp_path / "odd name.wandb"
    loose.write_bytes(b"")
    (other,) = find_logs(loose)
    assert other.run_id == "odd name"


def test_segments_go_by_start_then_by_folder(tmp_path: Path) -> None:
    place(tmp_path, simple("r", 3_000), run_id="r", stamp="20250101_000000")
    place(tmp_path, simple("r", 2_000), run_id="r", stamp="20250103_000000")
    other = log(records([(17, run("r", start=2_000)), (2, history([item(["x"], "2")]))]))
    place(tmp_path, other, run_id="r", stamp="20250102_000000")
    place(tmp_path, b"", run_id="r", stamp="20240101_000000")
    (found,) = find_logs(tmp_path)
    stamps = [segment.name[len("offline-run-") :][:8] for segment in found.segments]
    assert stamps == ["20250102", "20250103", "20250101", "20240101"]
    assert found.name.endswith("(+3 more)")
    assert read(found).segments == [0, 1, 2]


def test_no_logs_here(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("a,b\n")
    assert find_logs(tmp_path) == []
    assert find_logs(tmp_path / "history.csv") == []
    with pytest.raises(NoSuchSource, match="nothing at"):
        find_logs(tmp_path / "absent.wandb")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_what_may_not_be_read_says_so(tmp_path: Path) -> None:
    one = place(tmp_path, simple("one"), run_id="one")
    one.chmod(0)
    with pytest.raises(SourceProblem, match="permission denied"):
        find_logs(one)


def test_a_refusal_by_the_system_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = place(tmp_path, simple("one"), run_id="one")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied", str(one))

    (found,) = find_logs(tmp_path)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SourceProblem, match=r"run-one\.wandb cannot be opened: permission"):
        found.read(None)
    with pytest.raises(SourceProblem, match=r"chmod u\+r"):
        find_logs(one)


def test_a_copy_of_a_log_counts_once(tmp_path: Path) -> None:
    """A backup beside the run, also one made while the run was still growing."""
    data = log(records([(17, run("abc")), (2, history([item(["_step"], "0")]))]))
    place(tmp_path, data)
    place(tmp_path, data, stamp="20250103_000000")
    place(tmp_path, data[: len(data) - 5], stamp="20250104_000000")
    (found,) = find_logs(tmp_path)
    assert [segment.name for segment in found.segments] == [
        "offline-run-20250101_000000-abc/run-abc.wandb"
    ]
