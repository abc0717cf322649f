"""``dakota-wh demo``: the whole way from a W&B log to an answer, on a small sample."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.invocation import Command, settings, warehouse_options
from dakota_wh.commands.outcome import tell_outcome
from dakota_wh.commands.output import Output, open_stdout
from dakota_wh.commands.progress_shown import progress_shown
from dakota_wh.warehouse.arrow_alone import spare_pandas

if TYPE_CHECKING:
    from dakota_wh.api import Warehouse

_EXAMPLES: Final = """
dakota-wh demo
dakota-wh demo --warehouse /tmp/demo
"""

#: Not the folder of the environment: the sample has no place among the user's own runs.
_FOLDER: Final = "dakota-demo"


@click.command("demo", cls=Command, epilog=_EXAMPLES)
@partial(warehouse_options, default="default: ./dakota-demo")
def command() -> None:
    """Ingest a small simulated GRPO training into ./dakota-demo and show what can be asked.

    Needs no network and no account; $DAKOTA_WH_DIR is not used. Running it again does no harm.
    """
    from dakota_wh import demo
    from dakota_wh.api import open as open_warehouse

    spare_pandas()
    stdout = open_stdout()
    folder = settings().folder if settings().typed else None
    warehouse = open_warehouse(folder or _FOLDER)
    with tempfile.TemporaryDirectory(prefix="dakota-wh-demo-") as unpacked:
        source = demo.unpack(Path(unpacked))
        with progress_shown() as on_progress:
            landed = warehouse.ingest(source, on_progress=on_progress)
    tell_outcome(landed, as_json=False)
    _say(stdout, "", "Does the reward rise? dakota-wh query reward_trends", "")
    stdout.flush()
    trends = warehouse.query("reward_trends", runs=list(demo.RUN_IDS.values()))
    Output("table", None).write(trends)
    _say(stdout, "", "What the views say:", *(f"  - {line}" for line in _found(warehouse)))
    _say(stdout, "", "Go on with:", *(f"  {line}" for line in _next(warehouse.location)))


def _say(stdout: Any, *lines: str) -> None:
    stdout.write("".join(f"{line}\n" for line in lines))


def _found(warehouse: Warehouse) -> Iterator[str]:
    """Yield a sentence for each thing that was planted in the sample."""
    yield from _certificates(warehouse)
    yield from _pairs(warehouse)
    yield from _dead_components(warehouse)
    yield from _nonfinite(warehouse)


def _certificates(warehouse: Warehouse) -> Iterator[str]:
    for run in warehouse.runs().dicts():
        yield f"{run['run_id']} ({run['role']}) is {run['completeness']}: {run['evidence']} (runs)"


def _pairs(warehouse: Warehouse) -> Iterator[str]:
    for pair in warehouse.query("run_pairs").dicts():
        first = str(pair["evidence"]).split("; ")[0]
        yield (
            f"{pair['orchestrator_run_id']} and {pair['trainer_run_id']} are one training: "
            f"{first}, … {pair['score']:g} points (run_pairs)"
        )


def _dead_components(warehouse: Warehouse) -> Iterator[str]:
    for row in warehouse.query("reward_components").dicts():
        if row["dead"]:
            yield (
                f"{row['metric']} is dead: 0 at all {row['samples']} steps, so that its weight in "
                f"{row['reward_metric']} cannot be found (reward_components)"
            )


def _nonfinite(warehouse: Warehouse) -> Iterator[str]:
    rows = [row for row in warehouse.query("training_stats").dicts() if row["nonfinite"]]
    if rows:
        total = sum(row["nonfinite"] for row in rows)
        yield (
            f"{len(rows)} metrics of {rows[0]['run_id']} hold {total} NaN or infinite values, "
            f"kept as they are: {rows[0]['metric']}, … (training_stats)"
        )


def _next(folder: str) -> Iterator[str]:
    where = shlex.quote(folder)
    yield f"dakota-wh query reward_loss_by_step --limit 20 --warehouse {where}"
    yield f"dakota-wh show demotrnr --warehouse {where}"
    select = "SELECT metric, max(value) AS best FROM metrics GROUP BY metric"
    yield f'dakota-wh sql "{select}" --warehouse {where}'
    yield f"dakota-wh views --warehouse {where}"
    yield f"dakota-wh shell --warehouse {where}"
