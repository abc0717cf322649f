"""``dakota-wh pair``: which trainer belongs to which orchestrator, said by a person."""

from __future__ import annotations

from typing import Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.rendering.values import printable

_EXAMPLES: Final = """
dakota-wh query run_pair_candidates
dakota-wh pair 29hn8w98 7nikv4vp
dakota-wh pair 29hn8w98 7nikv4vp --remove
"""


@click.command("pair", cls=Command, epilog=_EXAMPLES)
@click.argument("orchestrator", metavar="ORCHESTRATOR", shell_complete=complete_runs)
@click.argument("trainer", metavar="TRAINER", shell_complete=complete_runs)
@click.option("--remove", is_flag=True, help="Undo it: the scores decide again.")
@warehouse_options
def command(orchestrator: str, trainer: str, remove: bool) -> None:
    """Fix that the run ORCHESTRATOR and the run TRAINER are one training.

    It goes before every scored pair, and stays through ingest and rebuild. `run_pair_candidates`
    has the scores, and `fixed_pairs` what was fixed.
    """
    changed = the_warehouse().pair(orchestrator, trainer, remove=remove)
    word = "removed" if remove else "paired" if changed else "unchanged"
    click.echo(f"{word:<9}  {printable(orchestrator)}  {printable(trainer)}", err=True)
