"""``dakota-wh doctor``: what is wrong, and what to type about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dakota_wh.commands.invocation import Command, settings, the_warehouse, warehouse_options
from dakota_wh.commands.output import Output, output_options
from dakota_wh.ingest.wandb_api.from_file import TAKEN
from dakota_wh.rendering.rows import Listing

if TYPE_CHECKING:
    from dakota_wh.doctor.told import Told

_EXAMPLES: Final = """
dakota-wh doctor
dakota-wh doctor --quick --offline
dakota-wh doctor --format json --warehouse ~/runs
"""

_COLUMNS: Final = ("about", "subject", "state", "what", "do")


@click.command("doctor", cls=Command, epilog=_EXAMPLES)
@click.option("--quick", is_flag=True, help="Read the files' footers only, not every byte.")
@click.option("--offline", is_flag=True, help="Do not ask W&B.")
@output_options
@warehouse_options
def command(quick: bool, offline: bool, format_: str | None, file: Path | None) -> int:
    """Find out what is wrong with the installation, the settings, the warehouse, the way to W&B.

    Versions; each setting and where it came from, secrets masked; whether every stored file is
    whole and every certificate still true; whether the views are current; who is writing; whether
    W&B answers. Nothing is changed. The exit code is 0 unless something is an error: 1, or 4 and 5
    where only the key or the network is.
    """
    from dakota_wh.doctor.told import exit_code

    output = Output(format_, file)
    output.chosen()
    told = list(_look(quick, offline))
    rows = [tuple(getattr(one, name) for name in _COLUMNS) for one in told]
    output.write(Listing(list(_COLUMNS), ["VARCHAR"] * len(_COLUMNS), rows))
    counts = Counter(str(one.state) for one in told)
    found = [f"{counts[s]} {s}{'s' * (counts[s] > 1)}" for s in ("error", "warning") if counts[s]]
    click.echo(", ".join(found) or "nothing is wrong", err=True)
    return exit_code(told)


def _look(quick: bool, offline: bool) -> Iterator[Told]:
    from dakota_wh.doctor import folder, program, service
    from dakota_wh.doctor import settings as in_force

    warehouse = the_warehouse()
    mirror = warehouse.mirror
    where = str(warehouse.path.absolute()) if mirror is None else warehouse.location
    yield from program.look()
    yield from in_force.look(where, settings().typed, TAKEN)
    if mirror is None:
        yield from folder.look(warehouse.path, quick=quick)
    else:
        from dakota_wh.doctor import store

        yield from store.look(mirror, quick=quick)
    if not offline:
        yield from service.look()
