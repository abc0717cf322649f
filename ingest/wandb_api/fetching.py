"""Runs of the service into the warehouse: which ones, by how many workers, within which limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dakota_wh.errors import NoSuchRun, NothingFound, UsageProblem, WarehouseError
from dakota_wh.ingest.landed import Action, Landed
from dakota_wh.ingest.progress import OnProgress
from dakota_wh.ingest.wandb_api.messages import landed_from
from dakota_wh.ingest.wandb_api.patience import DEFAULT_JOBS, DEFAULT_TIMEOUT
from dakota_wh.ingest.wandb_api.pool import Pool, Workers
from dakota_wh.ingest.wandb_api.probe import check_reachable
from dakota_wh.ingest.wandb_api.run_address import Address, ProjectAddress, RunAddress
from dakota_wh.ingest.wandb_api.sign_in import SignIn, remember, sign_in
from dakota_wh.warehouse.layout import stored_run_ids
from dakota_wh.warehouse.run_row import RunRow, newest


@dataclass(frozen=True, slots=True)
class Fetch:
    """How runs are fetched from the service, and which ones of a project."""

    jobs: int = DEFAULT_JOBS
    timeout: float = DEFAULT_TIMEOUT  # seconds for one run
    max_samples: int | None = None
    local_only: bool = False  # only what is stored; nothing is asked
    refetch: bool = False  # all of it again, although it is stored
    filters: Mapping[str, Any] = field(default_factory=dict)  # as of ``wandb.Api().runs``
    since: datetime | None = None  # aware
    state: tuple[str, ...] = ()
    group: str | None = None
    api_key: str | None = field(default=None, repr=False)
    workers: Workers | None = None  # to be kept for the next call

    def __post_init__(self) -> None:
        """Let the key be known, so that it is masked also in what local logs hold."""
        remember(self.api_key)

    def pool(self, account: SignIn) -> AbstractContextManager[Pool]:
        """Return workers for a server: its own, which end with the call, or those that are kept."""
        if self.workers is None:
            return Pool(account, self.timeout, self.jobs)
        return nullcontext(self.workers.pool(account, self.timeout, self.jobs))

    def check(self) -> None:
        """Raise UsageProblem for numbers that make no sense."""
        if self.jobs < 1:
            raise UsageProblem(f"--jobs {self.jobs}: at least 1 is needed.")
        if not self.timeout > 0:
            raise UsageProblem(f"--timeout {self.timeout:g}: seconds above 0 are needed.")
        if self.max_samples is not None and self.max_samples < 1:
            raise UsageProblem(f"--max-samples {self.max_samples}: at least 1 is needed.")

    @property
    def narrows(self) -> bool:
        """Tell whether anything picks among the runs of a project."""
        return bool(self.filters or self.since or self.state or self.group)

    def service_filters(self) -> dict[str, Any]:
        """Return the filters in the service's language; ``all`` of states is none."""
        every: list[Mapping[str, Any]] = [self.filters] if self.filters else []
        if self.states:
            every.append({"state": {"$in": list(self.states)}})
        if self.group:
            every.append({"group": self.group})
        if self.since:
            every.append({"created_at": {"$gte": self.since.strftime("%Y-%m-%dT%H:%M:%S")}})
        return {"$and": every} if len(every) > 1 else dict(every[0]) if every else {}

    @property
    def states(self) -> tuple[str, ...]:
        """Return the states that runs must have; none for every state."""
        lowered = tuple(state.lower() for state in self.state)
        return () if "all" in lowered else lowered


def fetch_runs(
    root: Path,
    addresses: Sequence[Address],
    options: Mapping[str, Any],
    fetch: Fetch,
    on_progress: OnProgress,
) -> list[Landed]:
    """Bring runs in by workers of their own; whatever goes wrong is in an outcome's ``error``.

    Args:
        root: the warehouse's folder, which exists.
        addresses: what was asked for.
        options: the fields of ``landing.Options``.
        fetch: how, and which runs of a project.
        on_progress: called in this thread as work goes on.
    """
    if fetch.local_only:
        return [landed for address in addresses for landed in _stored(root, address)]
    try:
        account = sign_in(fetch.api_key)
        check_reachable(account)
    except WarehouseError as error:
        return [_failed(str(address), error) for address in addresses]
    return fetch_from(account, root, addresses, options, fetch, on_progress)


def fetch_from(
    account: SignIn,
    root: Path,
    addresses: Sequence[Address],
    options: Mapping[str, Any],
    fetch: Fetch,
    on_progress: OnProgress,
) -> list[Landed]:
    """Bring runs in from a server that is known to be there; see :func:`fetch_runs`."""
    with fetch.pool(account) as pool:
        runs, outcomes = _listed(pool, addresses, fetch)
        if options["store_as"] and len(runs) > 1:
            raise UsageProblem(f"--as {options['store_as']} names one run, but {len(runs)} match.")
        tasks = [
            {
                "task": "ingest",
                "root": str(root.absolute()),
                "address": asdict(run),
                "options": dict(options),
                "max_samples": fetch.max_samples,
            }
            for run in runs
        ]
        landed: dict[int, Landed] = {}
        for number, result, failure in pool.run(tasks, on_progress):
            run = runs[number]
            landed[number] = _failed(run.run_id, failure, run) if failure else landed_from(result)
    return [*outcomes, *(landed[number] for number in sorted(landed))]


def look(
    root: Path, addresses: Sequence[Address], store_as: str | None, fetch: Fetch
) -> list[dict[str, Any]]:
    """Return how the runs are at the service and here, a dict a run; nothing is written.

    The keys: run_id, address, name, state, expected_rows, stored_rows, change, error.

    Raises:
        NotSignedIn, SourceUnreachable: nothing can be asked at all.
    """
    if fetch.local_only:
        return [_looked(root, one) for address in addresses for one in _stored(root, address)]
    account = sign_in(fetch.api_key)
    check_reachable(account)
    with fetch.pool(account) as pool:
        runs, outcomes = _listed(pool, addresses, fetch)
        tasks = [
            {
                "task": "look",
                "root": str(root.absolute()),
                "address": asdict(run),
                "store_as": store_as,
            }
            for run in runs
        ]
        found: dict[int, dict[str, Any]] = {}
        for number, result, error in pool.run(tasks):
            unknown = {"run_id": runs[number].run_id, "address": str(runs[number])}
            found[number] = {**(result or unknown), "error": error}
    failed = [{"run_id": "", "address": one.source_name, "error": one.error} for one in outcomes]
    return [*failed, *(found[number] for number in sorted(found))]


def _looked(root: Path, stored: Landed) -> dict[str, Any]:
    """Return how a stored run is, as far as that is known without asking anybody."""
    row = None if stored.error else newest(root, stored.run_id)
    words: dict[str, Any] = {
        "run_id": stored.run_id,
        "address": stored.source_name,
        "error": stored.error,
    }
    if row is not None:
        known = {"name": row.name, "state": row.state, "expected_rows": row.expected_rows}
        words |= {**known, "stored_rows": row.rows, "change": "unchanged"}
    return words


def _listed(
    pool: Pool, addresses: Sequence[Address], fetch: Fetch
) -> tuple[list[RunAddress], list[Landed]]:
    """Return the runs that are meant, each once, and what failed before there were any."""
    runs: dict[RunAddress, None] = {}
    failed: list[Landed] = []
    for address in addresses:
        if isinstance(address, RunAddress):
            runs[address] = None
            continue
        try:
            matching = _matching(pool, address, fetch)
        except WarehouseError as error:
            failed.append(_failed(str(address), error))
            continue
        runs.update(dict.fromkeys(matching))
    return list(runs), failed


def _matching(pool: Pool, address: ProjectAddress, fetch: Fetch) -> list[RunAddress]:
    if not fetch.narrows:
        raise UsageProblem(
            f"{address} is a project of W&B (there is no such file or folder): which of its runs?",
            hint="Narrow it: --state finished (or all), --since 7d, --group G, --filter JSON.",
        )
    task = {
        "task": "list",
        "entity": address.entity,
        "project": address.project,
        "filters": fetch.service_filters(),
        "since": None if fetch.since is None else fetch.since.isoformat(),
        "state": list(fetch.states),
        "group": fetch.group,
    }
    found = [RunAddress(**words) for words in pool.one(task)]
    if not found:
        raise NothingFound(
            f"No run of {address} matches.", hint="Widen --state, --since, --group or --filter."
        )
    return found


def _stored(root: Path, address: Address) -> Iterator[Landed]:
    """Yield the stored runs that an address means, or that there is none."""
    ids = [address.run_id] if isinstance(address, RunAddress) else stored_run_ids(root)
    rows = [row for run_id in ids if (row := newest(root, run_id)) and _is_of(row, address)]
    if not rows:
        yield _failed(
            str(address),
            NoSuchRun(
                f"The warehouse has no run {address}, and --local-only asks nobody else.",
                hint="Leave --local-only out to fetch it.",
            ),
        )
    for row in rows:
        yield Landed(
            row.run_id, row.source_name, Action.UNCHANGED, row.role, row.rows,
            completeness=row.completeness, note=row.evidence,
        )  # fmt: skip


def _is_of(row: RunRow, address: Address) -> bool:
    pairs = ((row.entity, address.entity), (row.project, address.project))
    return all(not stored or not wanted or stored == wanted for stored, wanted in pairs)


def _failed(run_id: str, error: WarehouseError, address: Address | None = None) -> Landed:
    name = str(address) if address else run_id
    return Landed(run_id, name, Action.FAILED, note=error.message, error=error)
