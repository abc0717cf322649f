"""The table of faults: what is said, with which exit code, how soon, and that nothing is lost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import errors
from dakota_wh.ingest.landed import Landed
from dakota_wh.ingest.landing import Options
from dakota_wh.ingest.progress import ignore
from dakota_wh.ingest.wandb_api.fetching import Fetch, fetch_from
from dakota_wh.ingest.wandb_api.pool import Workers
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.sign_in import SignIn
from dakota_wh.warehouse import catalogue, folder
from tests.wandb_server import faults
from tests.wandb_server.client import API_KEY
from tests.wandb_server.faults import Spoil
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import curve
from .test_incremental import snapshot

#: Seconds that a run may take here, and that a fault may then cost: the start of a worker, the one
#: request that finds out why, and a slow machine come on top.
TIMEOUT = 8.0
IN_TIME = TIMEOUT + 12


LONG, HANG = faults.too_many(3600), faults.hang()


@dataclass(frozen=True)
class Fault:
    """An operation that is spoilt, the exit code of that, its words, and how soon they come."""

    operation: str
    spoil: Spoil
    exit_code: int
    words: str
    within: float = IN_TIME
    times: int | None = None

    @property
    def ends_the_worker(self) -> bool:
        """Tell whether it is met at sign-in, or waited out; others leave one that goes on."""
        return self.operation in ("Viewer", "*", "") or self.spoil in (LONG, HANG)


WAITS = "limits the rate of requests (429) and asks to wait 3600 s"
HANGS = "takes connections but did not answer within"
BROKEN = "broke its answer off in the middle"

FAULTS = {
    "401": Fault("Viewer", faults.unauthorized(), 4, "refused the key in WANDB_API_KEY (401)"),
    "nobody's key": Fault("Viewer", faults.viewer_null(), 4, "refused the key"),
    "403 on the run": Fault("Run", faults.forbidden(), 4, "does not let this key read that (403)"),
    "403 on a file": Fault("Parquet", faults.forbidden(), 4, "the history export of run acme/p/r"),
    "404 run": Fault("Run", faults.data({"project": {"run": None}}), 3, "has no run r"),
    "404 project": Fault("Run", faults.data({"project": None}), 3, "no project acme/p"),
    "429 short": Fault("HistoryPage", faults.too_many(1), 0, "", times=2),
    "429 long": Fault("HistoryPage", LONG, 5, WAITS),
    "429 long, sign-in": Fault("Viewer", LONG, 5, WAITS),
    "429 long, file": Fault("Parquet", LONG, 5, "took longer than 8 s"),
    "500 once": Fault("HistoryPage", faults.status(500), 0, "", times=1),
    "500 always": Fault("HistoryPage", faults.status(500), 5, "an error of its own (500)"),
    "500 always, sign-in": Fault("Viewer", faults.status(503), 5, "an error of its own (503)"),
    "500 always, file": Fault("Parquet", faults.status(500), 5, "an error of its own (500)"),
    "drop once": Fault("HistoryPage", faults.drop("middle"), 0, "", times=1),
    "drop": Fault("HistoryPage", faults.drop("middle"), 5, BROKEN),
    "drop, file": Fault("Parquet", faults.drop("middle"), 5, BROKEN),
    "hang": Fault("HistoryPage", HANG, 5, HANGS),
    "hang, sign-in": Fault("Viewer", HANG, 5, HANGS),
    "hang, file": Fault("Parquet", HANG, 5, "the history export of run acme/p/r"),
    "hang, all": Fault("*", HANG, 5, HANGS),
    "malformed": Fault("Run", faults.malformed(), 5, BROKEN),
    "404, all": Fault("*", faults.status(404), 1, "is no W&B server: it answers 404"),
    "404, file": Fault("Parquet", faults.status(404), 1, "names files of the history export"),
    "no data": Fault("Run", faults.data(None), 1, "answered without any data, for run acme/p/r"),
    "no text": Fault("Run", faults.no_text(), 1, "bytes that are no UTF-8 text"),
    "web page": Fault("Run", faults.html(), 1, "not W&B's form"),
    "web page, file": Fault("Parquet", faults.html(), 1, "arrived damaged"),
    "cut file": Fault("Parquet", faults.truncated(), 1, "arrived damaged"),
    "refused": Fault("", HANG, 5, "refused the connection"),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a fault; ``kept`` tells that the files of the warehouse are untouched."""

    landed: Landed
    seconds: float
    kept: bool


def served() -> ServedRun:
    """Return the run as it was when it was stored."""
    return ServedRun("acme", "p", "r", rows=curve(20), state="running")


def run_into(names: Sequence[str], stored: Path, place: Path) -> dict[str, Outcome]:
    """Let the stored run be rewound and grow, files and live rows, and ingest it with each fault.

    The faults share a server and a worker, so of those that end a worker each needs its own.
    """
    outcomes = {}
    with Server() as server, Workers() as workers:
        run = server.add_run(served())
        run.rewind(9)
        run.log(*curve(50, start=10, loss=3.0), heartbeat_at="2026-03-01T00:00:00Z")
        run.export(29)
        run.rows_per_file = 10
        for name in names:
            fault, root = FAULTS[name], place / name.replace(" ", "-")
            shutil.copytree(stored, root)
            catalogue.ensure(root)  # it is in another place now
            before = snapshot(root)
            server.heal()
            server.fault(fault.operation, fault.spoil, times=fault.times)
            url = server.url if fault.operation else f"http://127.0.0.1:{faults.closed_port()}"
            began = time.monotonic()
            landed = ingest_from(url, root, TIMEOUT, workers)
            kept = snapshot(root) == before
            outcomes[name] = Outcome(landed, time.monotonic() - began, kept)
    return outcomes


def ingest_from(url: str, root: Path, timeout: float, workers: Workers) -> Landed:
    """Ingest the run from one of several servers, which the environment could not name."""
    folder.create(root)
    catalogue.ensure(root)
    run = RunAddress("r", "p", "acme")
    told, fetch = asdict(Options()), Fetch(1, timeout, workers=workers)
    [landed] = fetch_from(SignIn(url, API_KEY), root, [run], told, fetch, ignore)
    return landed


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Run into all faults; those that wait do so at the same time."""
    place = tmp_path_factory.mktemp("faults")
    alone = [name for name, fault in FAULTS.items() if fault.ends_the_worker]
    groups = [[name] for name in alone] + [[name for name in FAULTS if name not in alone]]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(6) as pool:
        patch.setenv("HOME", str(place))
        with Server() as server, Workers() as workers:
            server.add_run(served())
            assert ingest_from(server.url, place / "stored", 60, workers).error is None
        ran = [pool.submit(run_into, group, place / "stored", place) for group in reversed(groups)]
        yield {name: outcome for one in ran for name, outcome in one.result().items()}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_its_name(outcomes: dict[str, Outcome], name: str) -> None:
    fault, outcome = FAULTS[name], outcomes[name]
    error: Any = outcome.landed.error
    assert (0 if error is None else error.exit_code) == fault.exit_code
    assert outcome.seconds < fault.within
    if error is None:
        assert outcome.landed.rows == 60
        return
    assert isinstance(error, errors.WarehouseError)
    assert fault.words in error.message
    assert error.hint
    assert API_KEY not in str(error)
    assert outcome.kept
