"""Answers of W&B's service, given by a client that holds them ready: no network, no process.

An input is the answer about the run, and then pages of history: either the text of a whole answer,
or rows, a JSON text a line, which are put into one. Where every row is a JSON object with a whole
``_step`` of its own, a certificate ``complete`` must not stand over fewer rows than there are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.fuzz import seeds
from benchmarks.fuzz.files import BETWEEN
from benchmarks.fuzz.target import must
from dakota_wh.errors import SourceUnreachable, WarehouseError
from dakota_wh.ingest.source import Continuation
from dakota_wh.ingest.wandb_api.api_run import ApiReading, ApiRun
from dakota_wh.ingest.wandb_api.client import Exported
from dakota_wh.ingest.wandb_api.queries import HISTORY_PAGE, RUN
from dakota_wh.ingest.wandb_api.run_address import RunAddress

#: Requests after which the deadline of a run would have ended it.
_PATIENCE = 60
_EXPORT = b"PAR1"


class HeldClient:
    """Stands for ``ingest.wandb_api.client.Client``; gives what it holds to every question."""

    can_query = True
    timeout = 60.0

    def __init__(self, data: bytes) -> None:
        self.until: float | None = None
        self.answers = [part for part in data.split(BETWEEN) if not part.startswith(_EXPORT)]
        self._exports = [part for part in data.split(BETWEEN) if part.startswith(_EXPORT)]
        self._asked = 0

    def on_stage(self, words: str) -> None:
        """Hear what is being fetched."""

    def default_entity(self) -> str:
        """Return an entity."""
        return "e"

    def query(self, text: str, variables: Mapping[str, Any], about: str, hint: str = "") -> str:
        """Give the next answer; rows are picked by their steps where that can be."""
        self._asked += 1
        if self._asked > _PATIENCE:
            raise SourceUnreachable(f"There was no time left for {about}.", hint="Wait.")
        if text == RUN or not self.answers[1:]:
            return self.answers[0].decode("utf-8", "replace")
        page = self.answers[1 + self._asked % (len(self.answers) - 1)]
        if text != HISTORY_PAGE or page.lstrip().startswith(b'{"project"'):
            return page.decode("utf-8", "replace")
        lines = [
            line.decode("utf-8", "replace")
            for part in self.answers[1:]
            for line in part.split(b"\n")
        ]
        start, stop = variables["minStep"], variables["maxStep"]
        there = [line for line in lines if line and _is_in(line, start, stop)]
        return json.dumps({"project": {"run": {"history": there[: variables["pageSize"]]}}})

    def download_exports(self, run: RunAddress, folder: Path) -> Exported:
        """Give the Parquet files."""
        paths = []
        for number, data in enumerate(self._exports):
            paths.append(folder / f"export-{number}.parquet")
            paths[-1].write_bytes(data)
        return Exported(tuple(paths), has_live_tail=True)

    def download(self, url: str, size: int, path: Path, about: str) -> str | None:
        """Give the file of a table."""
        path.write_bytes(seeds.TABLE_FILE)
        return None

    def masked(self, block: Any) -> Any:
        """Return rows as they are."""
        return block

    def rows(self) -> list[Any] | None:
        """Return the rows that there are, None where that is not beyond doubt."""
        if self._exports or any(b'"project"' in part for part in self.answers[1:]):
            return None
        lines = [line for part in self.answers[1:] for line in part.split(b"\n") if line]
        try:
            rows = [json.loads(line.decode("utf-8", "replace")) for line in lines]
            steps = [row["_step"] for row in rows]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        plain = all(type(step) is int and 0 <= step < 2**40 for step in steps)
        return rows if plain and len(set(steps)) == len(steps) else None


def _is_in(line: str, start: int, stop: int) -> bool:
    try:
        return bool(start <= json.loads(line)["_step"] < stop)
    except (ValueError, KeyError, TypeError, RecursionError):
        return True


class ServiceTarget:
    """Reads a run of the service, and what is beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "service"

    def __call__(self, data: bytes) -> None:
        """Do one try."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        client: Any = HeldClient(data)
        source = ApiRun(client, RunAddress("r", "p", "e"), self._folder)
        self._history(client, source)
        beside = source.beside()
        for call in (lambda: list(beside.system(None).values), lambda: beside.files(())):
            try:
                call()
            except WarehouseError as error:
                must(bool(error.message), "an error without words")

    def _history(self, client: HeldClient, source: ApiRun) -> None:
        try:
            reading = source.read(None)
            got = [batch.count for batch in reading.rows()]
            facts = reading.facts()
        except WarehouseError:
            return
        facts.resume = json.loads(json.dumps(facts.resume, allow_nan=False))
        for tree in (facts.config, facts.summary):
            json.dumps(tree, ensure_ascii=False).encode()
        there = client.rows()
        if there is not None:
            must(sum(got) <= len(there), f"{sum(got)} rows of {len(there)}")
            whole = sum(got) == len(there) or _is_told(reading, sum(got))
            must(whole, f"{sum(got)} rows of {len(there)}, and nothing said")
        again: Any = HeldClient(BETWEEN.join(client.answers))
        if facts.resume["settled"]:
            same = ApiRun(again, RunAddress("r", "p", "e"), self._folder).read(facts.resume)
            must(same.continuation is Continuation.UNCHANGED, f"again it is {same.continuation}")


def _is_told(reading: ApiReading, rows: int) -> bool:
    """Tell whether the service's own words are the reason for fewer rows: it named fewer."""
    record = reading.record
    return record.line_count is not None and record.line_count <= rows


def service_seeds() -> list[bytes]:
    """Return answers about a run, with pages of rows and without, and exports."""
    from benchmarks.fuzz.parquets import made

    keys = {"loss": {"typeCounts": [{"type": "number", "count": 6}]}}
    axes = [{"1": "a", "5": 2}, {"1": "step"}]
    run = {
        "id": "x", "name": "r", "displayName": "n", "state": "finished", "tags": ["a"],
        "group": "g", "jobType": None, "notes": "", "sweepName": None,
        "createdAt": "2025-01-01T00:00:00Z",
        "heartbeatAt": "2025-01-02T00:00:00Z",
        "config": json.dumps({"lr": {"value": 1.0}, "_wandb": {"value": {"m": axes}}}),
        "summaryMetrics": json.dumps(seeds.SUMMARY), "historyLineCount": 6,
        "historyKeys": {"lastStep": 5, "keys": keys},
        "events": [json.dumps({"system.gpu.0": 1.5, "_timestamp": 1.0, "_runtime": 2.0})],
        "files": {"edges": [{"node": {"id": "1", "name": seeds.TABLE["path"], "sizeBytes": "3",
                  "md5": "x", "updatedAt": "2025-01-01T00:00:00Z"}, "cursor": "c"}],
                  "pageInfo": {"endCursor": "c", "hasNextPage": False}},
        "outputArtifacts": {"edges": [{"node": {"artifactSequence": {"name": "s"},
                            "versionIndex": 1, "aliases": [{"alias": "latest"}]}}],
                            "pageInfo": {}},
    }  # fmt: skip
    answer = json.dumps({"project": {"run": run}}).encode()
    lines = [json.dumps(row) for row in seeds.ROWS]
    page = json.dumps({"project": {"run": {"history": lines}}}).encode()
    plain = [json.dumps({"_step": n, "loss": n / 3, "flag": n > 2}) for n in range(6)]
    return [
        BETWEEN.join([answer, "\n".join(lines).encode()]),
        BETWEEN.join([answer, "\n".join(plain[:3]).encode(), "\n".join(plain[3:]).encode()]),
        BETWEEN.join([answer, page]),
        BETWEEN.join([answer, "\n".join(lines).encode(), made()[2]]),
        answer,
    ]
