"""All of a run, whichever way the service gives it, with every value as it was logged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.ingest.wandb_api.fetching import Fetch
from tests.wandb_server import faults
from tests.wandb_server.exact import Token
from tests.wandb_server.model import Overlap, ServedRun
from tests.wandb_server.owner_runs import DATA, owner_runs
from tests.wandb_server.server import Server

from .conftest import Ingest, answers, curve, use_environment

WAYS: dict[str, dict[str, Any]] = {
    "live": {},
    "export": {"exported_up_to": 999},
    "files": {"exported_up_to": 999, "rows_per_file": 130, "reverse_files": True},
    "half": {"exported_up_to": 499, "rows_per_file": 200},
    "also-live": {"exported_up_to": 499, "overlap": Overlap.EXPORT_ALSO_LIVE},
    "also-exported": {"exported_up_to": 499, "overlap": Overlap.LIVE_ALSO_EXPORTED},
    "whole": {"exported_up_to": 499, "overlap": Overlap.WHOLE, "row_group_size": 64},
    "nearly": {"exported_up_to": 998, "overlap": Overlap.WHOLE},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse with the owner's two runs by each way and from the exports."""
    if not DATA.exists():
        pytest.skip("the owner's exports are not here")
    place = tmp_path_factory.mktemp("served")
    with Server() as server, pytest.MonkeyPatch.context() as patch:
        use_environment(patch, server.url, place / "home")
        names = []
        for way, how in WAYS.items():
            for run in owner_runs():
                server.add_run(replace(run, id=f"{run.id}-{way}", **how))
                names.append(f"{run.entity}/{run.project}/{run.id}-{way}")
        warehouse = api.open(place / "warehouse")
        landed = warehouse.ingest(*names, fetch=Fetch(jobs=2))
        assert [one.error for one in landed] == [None] * len(names)
        warehouse.ingest(DATA / "29hn8w98", DATA / "7nikv4vp")
    return warehouse


@pytest.mark.parametrize("run_id", ["29hn8w98", "7nikv4vp"])
@pytest.mark.parametrize("way", WAYS)
def test_the_tables_are_those_of_the_export(served: Warehouse, run_id: str, way: str) -> None:
    expected, found = answers(served, run_id), answers(served, f"{run_id}-{way}")
    for view in ("history", "metrics", "steps", "series", "metric_stats"):
        assert found[view] == expected[view], view
    assert numbers_of(served, f"{run_id}-{way}") == numbers_of(served, run_id)


def numbers_of(warehouse: Warehouse, run_id: str) -> dict[str, Any]:
    """Return the summary's numbers."""
    rows = warehouse.query("summary", runs=[run_id]).dicts()
    return {row["key"]: row["value"] for row in rows}


ODD: list[dict[str, Any]] = [
    {"_step": 0, "f": Token("1.0"), "i": 1, "big": 2**53 + 1, "huge": 10**29 + 1, "s": "NaN?"},
    {"_step": 1, "f": Token("2"), "i": Token("1.5"), "big": 5, "none": None, "nan": float("nan")},
    {"_step": 2, "a/b.c d": 0.5, "ключ": "ü", "nested": {"x": {"y": 3}}, "inf": float("-inf")},
    {"_step": 3, "list": [1, Token("2.0")], "media": {"_type": "histogram", "bins": [0, 1]}},
    {"_step": 4, "flag": True, "mixed": "text", "i": 2**53 + 3},
    {"_step": 5, "flag": False, "mixed": 7, "words": "NaN"},
]


def test_values_keep_their_type(server: Server, ingest: Ingest, warehouse: Warehouse) -> None:
    server.add_run(ServedRun("acme", "p", "odd", rows=ODD))
    assert ingest("acme/p/odd")["odd"].completeness == "complete"
    rows = warehouse.query("history", runs=["odd"]).dicts()
    assert [row["f"] for row in rows[:2]] == [1.0, 2.0]
    assert rows[0]["big::json"] == str(2**53 + 1)
    assert rows[0]["huge::json"] == str(10**29 + 1)
    assert rows[4]["i::json"] == str(2**53 + 3)
    assert rows[1]["none::json"] == "null"
    assert rows[0]["none::json"] is None
    assert rows[1]["nan"] != rows[1]["nan"]
    assert rows[0]["nan"] is None
    assert rows[2]["inf"] == float("-inf")
    assert rows[2]["a/b.c d"] == 0.5
    assert rows[2]["ключ::json"] == '"ü"'
    assert rows[2]["nested.x.y"] == 3
    assert json.loads(rows[3]["list::json"]) == [1, 2.0]
    assert json.loads(rows[3]["media::json"]) == {"_type": "histogram", "bins": [0, 1]}
    assert (rows[4]["flag"], rows[5]["flag"]) == (True, False)
    assert (rows[4]["mixed::json"], rows[5]["mixed"]) == ('"text"', 7)
    assert rows[0]["s::json"] == '"NaN?"'


def test_export_in_odd_forms_loses_nothing(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    rows = curve(40)
    shuffled = [rows[n] for n in (5, 3, 4, 0, 1, 2, *range(39, 5, -1))]
    gap = [row for row in rows if not 10 <= row["_step"] < 20]
    add = server.add_run
    add(ServedRun("acme", "p", "live", rows=rows))
    add(ServedRun("acme", "p", "unsorted", rows=rows, exported_rows=shuffled, exported_up_to=39))
    add(ServedRun("acme", "p", "hole", rows=rows, exported_rows=gap, exported_up_to=29,
                  overlap=Overlap.WHOLE))  # fmt: skip
    large = {"note": pa.large_string()}
    noted = [{**row, "note": "x"} for row in rows]
    add(ServedRun("acme", "p", "wide", rows=noted, exported_up_to=39, column_types=large))
    found = ingest(*(f"acme/p/{name}" for name in ("live", "unsorted", "hole", "wide")))
    assert {name: (one.rows, one.completeness) for name, one in found.items()} == dict.fromkeys(
        ("live", "unsorted", "hole", "wide"), (40, "complete")
    )
    for name in ("unsorted", "hole"):
        assert answers(warehouse, name)["history"] == answers(warehouse, "live")["history"]


def test_sparse_steps_cost_few_requests(server: Server, ingest: Ingest) -> None:
    steps = (0, 250_000, 500_000, 750_000, 999_999)
    server.add_run(ServedRun("acme", "p", "sparse", rows=[{"_step": s, "x": s} for s in steps]))
    assert ingest("acme/p/sparse")["sparse"].rows == 5
    assert server.requests.count("HistoryPage") == 1


def test_a_server_with_small_pages_gives_all(server: Server, ingest: Ingest) -> None:
    server.history_page_cap = 500
    server.add_run(
        ServedRun("acme", "p", "long", rows=[{"_step": s, "x": s} for s in range(5_000)])
    )
    landed = ingest("acme/p/long")["long"]
    assert (landed.rows, landed.completeness) == (5_000, "complete")


def test_facts_of_a_run(server: Server, ingest: Ingest, warehouse: Warehouse) -> None:
    axes = [{"1": "trainer/step"}, {"2": "train/*", "5": 1}]
    server.add_run(
        ServedRun(
            "acme", "p", "told", "a name", "crashed", {"lr": 1e-3, "deep": {"n": 2**60}},
            {"_wandb": {"m": axes}}, {"best": "NaN", "_wandb": {"runtime": 3}}, curve(3),
            group="g", job_type="train", tags=["a", "b"], notes="n", sweep="s1",
            files={"wandb-metadata.json": b'{"email":"ann@example.org","host":"box","args":["x"]}'},
        )
    )  # fmt: skip
    ingest("acme/p/told")
    [run] = warehouse.query("runs").dicts()
    assert (run["name"], run["state"], run["run_group"], run["sweep_id"]) == (
        "a name", "crashed", "g", "s1",
    )  # fmt: skip
    assert (run["entity"], run["project"], json.loads(run["tags"])) == ("acme", "p", ["a", "b"])
    config = {row["key"]: row["text"] for row in warehouse.query("config").dicts()}
    assert config == {"lr": "0.001", "deep.n": str(2**60)}
    summary = {row["key"]: row["text"] for row in warehouse.query("summary").dicts()}
    assert summary["best"] == "NaN"
    stored = b"".join(p.read_bytes() for p in warehouse.path.rglob("*.parquet"))
    assert not any(word in stored for word in (b"ann@example.org", b"_wandb", b"box"))


def test_one_file_of_an_export_that_comes_late(server: Server, ingest: Ingest) -> None:
    """An address that ran out is asked for anew; what never comes is no success."""
    for name in ("late", "never"):
        run = ServedRun("acme", "p", name, rows=curve(60), exported_up_to=59, rows_per_file=20)
        server.add_run(run)
    server.fault("Parquet", faults.forbidden(), times=1, run="late")
    server.fault("Parquet", faults.forbidden(), run="never", skip=1)
    found = ingest("acme/p/late", "acme/p/never")
    assert (found["late"].rows, found["late"].completeness) == (60, "complete")
    assert found["never"].error is not None
    assert not Path("warehouse/runs/role=unknown/run_id=never").exists()
