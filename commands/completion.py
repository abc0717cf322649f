"""``dakota-wh completion``: what lets a shell complete commands, run ids and views."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.invocation import Command, warehouse_options
from dakota_wh.commands.output import open_stdout
from dakota_wh.errors import UsageProblem, WarehouseError

_PROGRAM: Final = "dakota-wh"
_VARIABLE: Final = "_DAKOTA_WH_COMPLETE"
_SHELLS: Final = ("bash", "zsh", "fish", "powershell")

_EXAMPLES: Final = """
dakota-wh completion bash > ~/.local/share/bash-completion/completions/dakota-wh
dakota-wh completion zsh > ~/.zfunc/_dakota-wh
dakota-wh completion fish > ~/.config/fish/completions/dakota-wh.fish
dakota-wh completion powershell > dakota-wh.ps1
"""


@click.command("completion", cls=Command, epilog=_EXAMPLES)
@click.argument("shell", metavar="[SHELL]", required=False, type=click.Choice(_SHELLS))
@warehouse_options
def command(shell: str | None) -> None:
    """Print the completion script of SHELL: bash, zsh, fish or powershell.

    Without SHELL it is the one that $SHELL names. With the script where the shell looks for such
    (zsh: a folder of its $fpath; PowerShell: `. ./dakota-wh.ps1` in $PROFILE) the tab key completes
    commands and options, the ids of the runs that the warehouse holds, and the views.
    """
    from click.shell_completion import get_completion_class

    chosen = shell or Path(os.environ.get("SHELL", "")).name
    if chosen not in _SHELLS:
        raise UsageProblem(
            "SHELL does not say which shell is meant.",
            hint=f"Name it: dakota-wh completion {'|'.join(_SHELLS)}",
        )
    completing = get_completion_class(chosen)
    if completing is None:
        raise WarehouseError(
            f"The installed click cannot complete for {chosen}.", hint="pip install -U click"
        )
    root = click.get_current_context().find_root().command
    open_stdout().write(completing(root, {}, _PROGRAM, _VARIABLE).source() + "\n")
