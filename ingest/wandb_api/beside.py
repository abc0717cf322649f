"""What W&B's service has of a run beside the history: see ``ingest/streams/beside.py``."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import NoSuchSource, NotSignedIn, SourceProblem, WarehouseError
from dakota_wh.ingest.exports.facts import parse_time
from dakota_wh.ingest.exports.tokens import EXACT, SERVICE_WORDS, safe_key, to_json
from dakota_wh.ingest.pass_through import naive_utc
from dakota_wh.ingest.streams.beside import Fetched, Listing, SystemReading, SystemValues, Wanted
from dakota_wh.ingest.wandb_api.answers import answer_of, mapping, mappings, next_cursor, nodes
from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.failures import AGAIN, ClientEnded
from dakota_wh.ingest.wandb_api.queries import INPUT_ARTIFACTS, OUTPUT_ARTIFACTS, RUN_FILES, SYSTEM
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.run_record import found_run
from dakota_wh.warehouse.streams import RunFile

#: How many samples of the system metrics are asked for; the service may give fewer.
SAMPLES: Final = 10_000
#: Names or nodes of one request, downloads at once, and files that are fetched ahead.
_PAGE: Final = 50
_AT_ONCE: Final = 4
_AHEAD: Final = 8
#: After so many files in a row that could not be reached, no further one is asked for.
_GIVE_UP: Final = 3
_PREFIX: Final = "system."
_LABEL: Final = "/l:"


@dataclass(slots=True)
class ApiBeside:
    """Implements ``Beside``; ``folder`` is private, downloads lie there until they are read."""

    client: Client
    run: RunAddress
    folder: Path

    def system(self, resume: Mapping[str, Any] | None) -> SystemReading:
        """Ask for samples of the system metrics: the service gives nothing else (one request)."""
        answer = self._ask(SYSTEM, f"system metrics of run {self.run}", samples=SAMPLES)
        rows = answer.get("events") or []
        if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
            raise SourceProblem(
                f"W&B's system metrics of run {self.run} are no list of rows.", hint=AGAIN
            )
        evidence = f"samples that W&B picked, {len(rows)} points in time of {SAMPLES} asked for"
        values, bad = _system_values(rows)
        reading = SystemReading(iter([values]), False, sampled=True, evidence=evidence)
        reading.resume = {"digest": hashlib.blake2b("\n".join(rows).encode()).hexdigest()[:32]}
        if bad:
            reading.lost.append(f"{bad} of them are no JSON objects")
        return reading

    def files(self, known: Sequence[RunFile]) -> Listing:
        """List the run's files and its artifacts, those it logged and those it used."""
        about = f"files of run {self.run}"
        found = [_file(node) for node in self._pages(RUN_FILES, "files", about, names=[])]
        lost: list[str] = []
        for query, name, relation in (
            (OUTPUT_ARTIFACTS, "outputArtifacts", "logged"),
            (INPUT_ARTIFACTS, "inputArtifacts", "used"),
        ):
            about = f"artifacts of run {self.run}"
            try:
                nodes = list(self._pages(query, name, about))
            except ClientEnded:
                raise
            except WarehouseError as error:
                lost.append(
                    f"the artifacts that it {relation} could not be listed: {error.message}"
                )
                continue
            found += [_artifact(node, relation) for node in nodes]
        return Listing(found, lost)

    def tables(self, wanted: Sequence[Wanted]) -> Generator[Fetched, None, None]:
        """Download each table's file, some ahead of the one that is being read."""
        if not wanted:
            return
        downloads = _Downloads(self)
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as folder,
            ThreadPoolExecutor(_AT_ONCE) as pool,
        ):
            todo = deque(enumerate(wanted))
            running: deque[Future[Fetched]] = deque()
            nodes: dict[str, Mapping[str, Any] | WarehouseError] = {}
            while todo or running:
                while todo and len(running) < _AHEAD:
                    if todo[0][1].path not in nodes:
                        nodes = self._nodes([one.path for _, one in list(todo)[:_PAGE]])
                    number, one = todo.popleft()
                    place = Path(folder) / f"{number}.json"
                    running.append(pool.submit(downloads.fetch, one, nodes[one.path], place))
                fetched = running.popleft().result()
                yield fetched
                if fetched.path is not None:
                    fetched.path.unlink(missing_ok=True)

    def _nodes(self, names: list[str]) -> dict[str, Mapping[str, Any] | WarehouseError]:
        """Return what the service says of files, by name; an error for those it does not."""
        about = f"table files of run {self.run}"
        missing = NoSuchSource(f"W&B has no such file of run {self.run}.")
        found: dict[str, Mapping[str, Any] | WarehouseError] = dict.fromkeys(names, missing)
        try:
            for node in self._pages(RUN_FILES, "files", about, names=sorted(set(names))):
                if node.get("name") in found:
                    found[str(node["name"])] = node
        except ClientEnded:
            raise
        except WarehouseError as error:
            return dict.fromkeys(names, error)
        return found

    def _pages(
        self, query: str, name: str, about: str, **variables: Any
    ) -> Iterator[Mapping[str, Any]]:
        cursor = None
        while True:
            answer = self._ask(query, about, cursor=cursor, perPage=_PAGE, **variables)
            page = answer.get(name)
            yield from nodes(page)
            before, cursor = cursor, next_cursor(page)
            if cursor in (None, before):
                return

    def _ask(self, query: str, about: str, **variables: Any) -> Mapping[str, Any]:
        if not self.client.can_query:
            raise SourceProblem(
                f"This version of W&B's client cannot be asked for {about}.",
                hint="Update dakota-wh; local logs have it too.",
            )
        run = self.run
        where = {"entity": run.entity, "project": run.project, "name": run.run_id}
        self.client.on_stage(about)
        return found_run(
            answer_of(self.client.query(query, {**where, **variables}, about), about), run
        )


@dataclass(slots=True)
class _Downloads:
    """Downloads of one run; gives up where the files' server is out of reach."""

    beside: ApiBeside
    failed: list[str] = field(default_factory=list)  # in a row

    def fetch(
        self, wanted: Wanted, node: Mapping[str, Any] | WarehouseError, place: Path
    ) -> Fetched:
        """Download one file."""
        if isinstance(node, NoSuchSource):
            return Fetched(None, "missing", node.message)
        if isinstance(node, WarehouseError):
            return Fetched(None, "unreachable", node.message)
        if len(self.failed) >= _GIVE_UP:
            why = f"not asked for, after {_GIVE_UP} files in a row failed: {self.failed[-1]}"
            return Fetched(None, "unreachable", why)
        about = f"file {wanted.path} of run {self.beside.run}"
        try:
            size = _count(node.get("sizeBytes")) or 0
            url = str(node.get("url") or "")
            digest = self.beside.client.download(url, size, place, about)
        except ClientEnded:
            raise
        except NotSignedIn as error:
            return Fetched(None, "forbidden", error.message)
        except NoSuchSource as error:
            return Fetched(None, "missing", error.message)
        except OSError as error:
            why = f"its file cannot be read: {error.strerror or type(error).__name__}"
            return Fetched(None, "missing", why)
        except WarehouseError as error:
            self.failed.append(error.message)
            return Fetched(None, "unreachable", error.message)
        self.failed.clear()
        return Fetched(place, sha256=digest)


def _system_values(rows: Sequence[str]) -> tuple[SystemValues, int]:
    """Return the values in JSON rows, and how many rows are none."""
    values, bad = SystemValues(), 0
    for text in rows:
        try:
            row = EXACT.decode(text)
            tokens = {key: to_json(value) for key, value in row.items() if value is not None}
        except (ValueError, AttributeError, RecursionError):
            bad += 1
            continue
        at, runtime = _real(row.get("_timestamp")), _real(row.get("_runtime"))
        for key, token in tokens.items():
            if not key.startswith("_"):
                metric, _, label = safe_key(key).removeprefix(_PREFIX).partition(_LABEL)
                values.add(metric, SERVICE_WORDS.get(token, token), at, runtime, label or None)
    return values, bad


def _file(node: Mapping[str, Any]) -> RunFile:
    return RunFile(
        "file",
        str(node.get("name")),
        _text(node, "mimetype"),
        size=_count(node.get("sizeBytes")),
        digest=_text(node, "md5"),
        changed_at=_time(node, "updatedAt"),
    )


def _artifact(node: Mapping[str, Any], relation: str) -> RunFile:
    sequence, kind = mapping(node.get("artifactSequence")), mapping(node.get("artifactType"))
    aliases = [str(one.get("alias")) for one in mappings(node.get("aliases"))]
    return RunFile(
        "artifact",
        str(sequence.get("name")),
        _text(kind, "name"),
        version=_count(node.get("versionIndex")),
        size=_count(node.get("size")),
        digest=_text(node, "digest"),
        relation=relation,
        files=_count(node.get("fileCount")),
        aliases=json.dumps(aliases, ensure_ascii=False),
        changed_at=_time(node, "createdAt"),
    )


def _text(node: Mapping[str, Any], key: str) -> str | None:
    value = node.get(key)
    return value if isinstance(value, str) and value else None


def _time(node: Mapping[str, Any], key: str) -> datetime | None:
    return naive_utc(parse_time(_text(node, key) or ""))


def _count(value: object) -> int | None:
    """Return a number of bytes or things, which the service may write as a text."""
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if 0 <= number < 2**63 else None


def _real(value: object) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None
