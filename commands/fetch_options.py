"""The options about runs of W&B, which ``ingest`` and ``watch`` share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from dakota_wh.errors import UsageProblem
from dakota_wh.ingest.wandb_api.patience import DEFAULT_JOBS, DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from dakota_wh.ingest.wandb_api.fetching import Fetch

F = TypeVar("F", bound=Callable[..., Any])

_WHICH: Final = (
    click.option("--state", metavar="S", multiple=True, help="Of a project: only runs in that state"
                 " (finished, running, failed, crashed, all); can be repeated."),
    click.option("--since", metavar="TIME", help="Of a project: only runs made since then: 7d,"
                 " 12h, 2025-11-09."),
    click.option("--group", metavar="G", help="Of a project: only runs of that group."),
    click.option("--filter", "filters", metavar="JSON", help="Of a project: a filter as W&B's"
                 " client takes it."),
)  # fmt: skip
_HOW: Final = (
    click.option("--jobs", type=int, default=DEFAULT_JOBS, show_default=True, metavar="N",
                 help="Runs of W&B fetched at once."),
    click.option("--timeout", type=float, default=DEFAULT_TIMEOUT, show_default=True,
                 metavar="SECONDS", help="The longest that one run of W&B may take."),
    click.option("--api-key", metavar="KEY", help="W&B's key. Better in $WANDB_API_KEY, .env or"
                 " .netrc: other users see a command line."),
)  # fmt: skip
_WHAT_OF_IT: Final = (
    click.option("--run-path", metavar="E/P/ID", multiple=True, help="A run of W&B, as WHAT; can be"
                 " repeated."),
    click.option("--local-only", is_flag=True, help="Use what is in the warehouse, ask W&B"
                 " nothing."),
    click.option("--force-fetch", is_flag=True, help="Fetch all of a run again, although it is"
                 " here."),
    click.option("--max-samples", type=int, metavar="N", help="Only N rows that W&B picks; the run"
                 " is then marked sampled."),
)  # fmt: skip

_BESIDE: Final = (
    click.option("--system", "streams", flag_value="system", multiple=True, help="System metrics"
                 " (GPU, CPU, memory) as well; W&B's service gives only samples of them."),
    click.option("--files", "streams", flag_value="files", multiple=True, help="The list of the"
                 " run's files and artifacts as well."),
    click.option("--tables", "streams", flag_value="tables", multiple=True, help="The rows of every"
                 " logged wandb.Table as well: rollout samples, say."),
)  # fmt: skip


def optional_streams(function: F) -> F:
    """Add what may be brought beside the history; the names come as ``streams``."""
    return _with(_BESIDE, function)


def ways_to_fetch(function: F) -> F:
    """Add how runs are fetched."""
    return _with(_HOW, function)


def choice_of_runs(function: F) -> F:
    """Add which runs of a project are meant, and what of them."""
    return _with((*_WHAT_OF_IT, *_WHICH), function)


def the_fetch(
    *,
    jobs: int,
    timeout: float,
    api_key: str | None,
    state: tuple[str, ...] = (),
    since: str | None = None,
    group: str | None = None,
    filters: str | None = None,
    local_only: bool = False,
    force_fetch: bool = False,
    max_samples: int | None = None,
) -> Fetch:
    """Return what the options amount to.

    Raises:
        UsageProblem: a filter that is no JSON object, a time that is none.
    """
    from dakota_wh.ingest.wandb_api.fetching import Fetch
    from dakota_wh.ingest.wandb_api.when import read_moment

    return Fetch(
        jobs=jobs,
        timeout=timeout,
        api_key=api_key,
        state=tuple(word.strip() for one in state for word in one.split(",") if word.strip()),
        since=read_moment(since) if since else None,
        group=group,
        filters=_object(filters) if filters else {},
        local_only=local_only,
        refetch=force_fetch,
        max_samples=max_samples,
    )


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageProblem(f"--filter is no JSON: {error}.", hint=_LIKE) from error
    if not isinstance(value, dict):
        raise UsageProblem("--filter is no JSON object.", hint=_LIKE)
    return value


_LIKE: Final = """Like '{"group": "x"}' or '{"config.lr": {"$lt": 0.001}}'."""


def _with(options: tuple[Callable[[F], F], ...], function: F) -> F:
    for option in reversed(options):
        function = option(function)
    return function
