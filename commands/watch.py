"""``dakota-wh watch``: runs that still train, ingested again and again until they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.completing import complete_sources
from dakota_wh.commands.fetch_options import optional_streams, the_fetch, ways_to_fetch
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.outcome import tell_outcome
from dakota_wh.errors import SourceProblem, SourceUnreachable, UsageProblem
from dakota_wh.rendering.values import printable
from dakota_wh.warehouse import heap
from dakota_wh.warehouse.arrow_alone import spare_pandas
from dakota_wh.warehouse.layout import ROLES

if TYPE_CHECKING:
    from dakota_wh.api import Warehouse
    from dakota_wh.ingest.landed import Landed

_EXAMPLES: Final = """
dakota-wh watch 29hn8w98 7nikv4vp --entity me --project rl
dakota-wh watch wandb/latest-run --interval 10
"""

#: Kinds of metrics that are shown.
_KINDS: Final = ("reward", "loss")


@click.command("watch", cls=Command, epilog=_EXAMPLES)
@click.argument("what", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_sources)
@click.option(
    "--interval",
    type=float,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="The time between two ingests.",
)
@click.option("--times", type=int, metavar="N", help="Stop after N ingests, ended or not.")
@click.option("--role", type=click.Choice(ROLES), help="What the run is, where it cannot be told.")
@click.option("--entity", metavar="E", help="W&B entity (default: $WANDB_ENTITY).")
@click.option("--project", metavar="P", help="W&B project (default: $WANDB_PROJECT).")
@optional_streams
@ways_to_fetch
@warehouse_options
def command(
    what: tuple[str, ...],
    interval: float,
    times: int | None,
    role: str | None,
    entity: str | None,
    project: str | None,
    streams: tuple[str, ...],
    **fetching: Any,
) -> None:
    """Ingest runs until they end, and show each one's latest step, reward and loss.

    RUN is a run of W&B or a local log that a training is still writing, as in ingest. Each round
    fetches only what is new. Ctrl-C may come at any time: what was stored stays as it was.
    """
    if not interval > 0:
        raise UsageProblem(f"--interval {interval:g}: seconds above 0 are needed.")
    from dakota_wh.ingest.wandb_api.pool import Workers

    heap.keep_flat()  # before Arrow is loaded
    spare_pandas()
    warehouse = the_warehouse()
    with Workers() as workers:
        fetch = replace(the_fetch(**fetching), workers=workers)
        once = partial(
            warehouse.ingest,
            *what,
            role=role,
            entity=entity,
            project=project,
            streams=streams,
            fetch=fetch,
        )
        landed = _watch(warehouse, once, interval, times)
    if any(one.error is not None for one in landed):
        tell_outcome(landed, as_json=False)


def _watch(
    warehouse: Warehouse, once: Callable[[], list[Landed]], interval: float, times: int | None
) -> list[Landed]:
    """Ingest and show until nothing goes on, or so many times; return the last outcome."""
    rounds = 0
    well: set[str] = set()
    while True:
        began = time.monotonic()
        landed = once()
        for line in _lines(warehouse, landed):
            click.echo(printable(line))
        rounds += 1
        well |= {one.run_id for one in landed if one.error is None}
        if rounds == times or not any(_goes_on(one, well) for one in landed):
            return landed
        time.sleep(max(0.0, interval - (time.monotonic() - began)))


def _goes_on(one: Landed, well: Set[str]) -> bool:
    """Tell whether a run may still get rows: it trains, or W&B is not itself just now.

    A run that has been read in this watch may be so again, after a proxy's page instead of an
    answer, say; ``well`` holds the ids of those.
    """
    if one.error is None:
        return one.completeness == "growing"
    passing = isinstance(one.error, SourceProblem) and one.run_id in well
    return passing or isinstance(one.error, SourceUnreachable)


def _lines(warehouse: Warehouse, landed: Sequence[Landed]) -> Iterator[str]:
    now = datetime.now().strftime("%H:%M:%S")
    for one in landed:
        if one.error is not None:
            yield f"{now}  {one.run_id}  {one.error.message}"
            continue
        parts = [now, one.run_id, one.role, f"{one.rows:,} rows (+{one.new_rows:,})"]
        yield "  ".join([*parts, *_latest(warehouse, one.run_id), one.completeness])


def _latest(warehouse: Warehouse, run_id: str) -> Iterator[str]:
    """Yield the latest step of a run and the last value of its reward and its loss."""
    [run] = warehouse.query("runs", runs=[run_id]).dicts()
    if run["last_step"] is not None:
        yield f"step {run['last_step']}"
    main = warehouse.query("main_metrics", runs=[run_id]).dicts()
    chosen = {row["kind"]: row["metric"] for row in main if row["kind"] in _KINDS}
    stats = {row["metric"]: row for row in warehouse.query("metric_stats", runs=[run_id]).dicts()}
    for kind in _KINDS:
        found = stats.get(chosen.get(kind, ""))
        if found is not None and found["final"] is not None:
            yield f"{kind} {found['final']:.6g}"
