"""What an ingest would do, found out without writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dakota_wh.errors import WarehouseError
from dakota_wh.ingest.recognise import address_of, recognise, united
from dakota_wh.ingest.source import Source
from dakota_wh.ingest.wandb_api.fetching import Fetch, look
from dakota_wh.ingest.wandb_api.run_address import Address
from dakota_wh.warehouse.run_row import newest


@dataclass(frozen=True, slots=True)
class Planned:
    """One run that would be ingested."""

    run_id: str
    source_name: str
    name: str | None = None
    state: str | None = None
    expected_rows: int | None = None  # what the service counts; None where nobody says
    stored_rows: int | None = None  # None: it is not in the warehouse
    change: str = ""  # "new", "unchanged", "changed", …
    error: WarehouseError | None = None


def plan(
    root: Path,
    what: Sequence[str],
    *,
    entity: str | None = None,
    project: str | None = None,
    store_as: str | None = None,
    fetch: Fetch | None = None,
) -> list[Planned]:
    """Return what ``landing.ingest`` would find; one request a run of the service.

    Raises:
        NotSignedIn, SourceUnreachable: runs of the service are meant and it cannot be asked.
    """
    fetch = fetch or Fetch()
    fetch.check()
    planned: list[Planned] = []
    sources: list[Source] = []
    addresses: list[Address] = []
    for one in what:
        try:
            address = address_of(one, entity, project, narrows=fetch.narrows)
            if address is None:
                sources += recognise(one)
            else:
                addresses.append(address)
        except WarehouseError as error:
            planned.append(Planned("", one, error=error))
    planned += [_local(root, source, store_as) for source in united(sources)]
    if addresses:
        planned += [_served(words) for words in look(root, addresses, store_as, fetch)]
    return planned


def _local(root: Path, source: Source, store_as: str | None) -> Planned:
    live = newest(root, store_as or source.run_id)
    return Planned(
        source.run_id,
        source.name,
        name=None if live is None else live.name,
        state=None if live is None else live.state,
        stored_rows=None if live is None else live.rows,
        change="new" if live is None else "read again if it has changed",
    )


def _served(words: dict[str, object]) -> Planned:
    known = {key: value for key, value in words.items() if key != "address"}
    return Planned(source_name=str(words["address"]), **known)  # type: ignore[arg-type]
