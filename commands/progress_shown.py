"""Progress on stderr while runs are read: only where a person looks at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dakota_wh.commands.output import on_terminal
from dakota_wh.rendering.values import printable

if TYPE_CHECKING:
    from rich.progress import TaskID

    from dakota_wh.ingest.progress import Progress


@contextmanager
def progress_shown() -> Iterator[Callable[[Progress], None] | None]:
    """Give a listener that draws a line per run, or None where nothing should be drawn."""
    if not on_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich import progress

    from dakota_wh.rendering.table import a_console

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=24),
        progress.TextColumn("{task.completed:,.0f} rows"),
        progress.TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with progress.Progress(*columns, console=a_console(stderr=True), transient=True) as drawn:

        def listen(step: Progress) -> None:
            text = f"{printable(step.run_id)} {step.stage}"
            if step.run_id not in tasks:
                tasks[step.run_id] = drawn.add_task(text, total=step.total)
            drawn.update(
                tasks[step.run_id], description=text, completed=step.done, total=step.total
            )

        yield listen
