"""``dakota-wh compare``: runs, or groups of seeds, side by side."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.invocation import Command, ends_at_once, the_warehouse, warehouse_options
from dakota_wh.commands.output import (
    Output,
    on_terminal,
    open_stdout,
    output_options,
    say_json,
)
from dakota_wh.rendering.as_json import pretty
from dakota_wh.rendering.layout import hanging
from dakota_wh.rendering.rows import Listing
from dakota_wh.rendering.table import plain_lines
from dakota_wh.rendering.values import brief, printable
from dakota_wh.rendering.whole_file import replacing

if TYPE_CHECKING:
    from dakota_wh.compare.comparison import Comparison

_EXAMPLES: Final = """
dakota-wh compare 29hn8w98 1y33h9zr
dakota-wh compare 29hn8w98 1y33h9zr --align tokens --metric 'eval/*' --format json
dakota-wh compare base=a1,a2,a3 longer=b1,b2,b3
dakota-wh compare --by config:optim.lr --baseline lr=1e-06
dakota-wh compare --by config -o seeds.csv --show groups
"""

_AXES: Final = ("step", "tokens", "time")
_TABLES: Final = ("differences", "groups", "scores", "curves", "config", "trainings")
#: More settings than this are not for a page.
_MOST_SETTINGS: Final = 20
_INDENT: Final = 12


@click.command("compare", cls=Command, epilog=_EXAMPLES)
@click.argument("what", metavar="[RUN|NAME=RUN,RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option(
    "--by",
    metavar="KEY",
    help="Put the runs (default: all) into groups: group, config, or config:KEY.",
)
@click.option("--baseline", metavar="NAME", help="What to compare with (default: the first).")
@click.option(
    "--metric",
    "metrics",
    metavar="PATTERN",
    multiple=True,
    help="Metrics or kinds like this, instead of the canonical ones; can be repeated.",
)
@click.option(
    "--align",
    type=click.Choice(_AXES),
    default="step",
    show_default=True,
    help="The axis on which curves are laid over each other.",
)
@click.option(
    "--last",
    metavar="SHARE",
    type=float,
    default=0.25,
    show_default=True,
    help="The last window: this share of the range that all have.",
)
@click.option("--confidence", metavar="P", type=float, default=0.95, show_default=True)
@click.option(
    "--resamples",
    metavar="N",
    type=int,
    default=10_000,
    show_default=True,
    help="Bootstrap samples of the seeds.",
)
@click.option(
    "--seed", metavar="N", type=int, default=0, show_default=True, help="Of the bootstrap."
)
@click.option(
    "--ignore",
    metavar="KEY",
    multiple=True,
    help="With --by config: a key that does not count; can be repeated, and be a pattern.",
)
@click.option("--show", type=click.Choice(_TABLES), help="Write this table alone.")
@output_options
@warehouse_options
def command(
    what: tuple[str, ...],
    by: str | None,
    baseline: str | None,
    metrics: tuple[str, ...],
    align: str,
    last: float,
    confidence: float,
    resamples: int,
    seed: int,
    ignore: tuple[str, ...],
    show: str | None,
    format_: str | None,
    file: Path | None,
) -> None:
    """Set runs, or groups of seeds, side by side: metric by metric, each difference with its
    interval.

    Either run of a pair stands for both: the reward is its orchestrator's, the loss its trainer's.
    Curves are aligned on steps, tokens or time over the range that all of them cover, and compared
    over its last quarter (last) and over the whole of it (all).

    Two runs: the mean difference, with an interval from batch means that allows for
    autocorrelation. It tells these two curves apart, not the methods behind them. Groups of seeds
    (NAME=RUN,RUN or --by): the interquartile mean of each group, differences with bootstrap
    intervals over seeds, and the probability that a seed of one group is above one of the other.

    A table is a page for a person, and json is all there is; the other formats have the
    differences. --show has one of the tables in any format: differences, groups, scores (each
    training), curves (20 parts of the range), config (settings that differ), trainings.
    """
    output = Output(format_, file, limited=True)
    chosen = output.chosen()
    with ends_at_once():
        comparison = the_warehouse().compare(
            *what,
            by=by,
            baseline=baseline,
            metrics=metrics,
            ignore=ignore,
            align=align,
            last=last,
            confidence=confidence,
            resamples=resamples,
            seed=seed,
        )
        notes = comparison.notes
    if show is not None:
        output.write(comparison.table(show))
    elif chosen == "json" and file is None:
        say_json(comparison.document())
    elif chosen == "json":
        _write_lines(file, iter([pretty(comparison.document())]))
    elif chosen == "table":
        wide = file is None and on_terminal(sys.stdout)
        width = shutil.get_terminal_size().columns if wide else None
        _write_lines(file, _page(comparison, width))
    else:
        output.write(comparison.differences)
    for note in notes:
        click.echo(f"dakota-wh: {printable(note)}", err=True)


def _write_lines(file: Path | None, lines: Iterator[str]) -> None:
    if file is None:
        stdout = open_stdout()
        for line in lines:
            stdout.write(line + "\n")
        return
    with replacing(file) as target:
        for line in lines:
            target.write(f"{line}\n".encode())


def _page(comparison: Comparison, width: int | None) -> Iterator[str]:
    for place, name in enumerate(comparison.subjects):
        members = [m for m in comparison.trainings.records if m.subject == name]
        told = ", ".join(f"{m.run_id} ({m.role}, {m.completeness})" for m in members)
        label = ("baseline" if place == 0 else "").ljust(_INDENT)
        what = f"{name}: {told}" if comparison.grouped else told
        yield from hanging(label, printable(what), width, _INDENT)
    yield f"{'aligned on'.ljust(_INDENT)}{comparison.settings.align}"
    share = f"Last {comparison.settings.last * 100:g} % of the common range"
    for window, title in (("last", share), ("all", "All of the common range")):
        for head, table in _tables(comparison, window, title):
            if len(table):
                yield from ("", printable(head))
                yield from _indented(table, width)
    settings = _settings(comparison)
    if len(settings):
        yield from ("", "Settings that differ")
        yield from _indented(settings, width)
        more = len(comparison.config) // len(comparison.subjects) - len(settings)
        if more:
            yield f"  … and {more} more: --show config"


def _tables(comparison: Comparison, window: str, title: str) -> Iterator[tuple[str, Listing]]:
    """Yield the tables of one window with their heads, one for each subject but the baseline."""
    baseline, *others = comparison.subjects
    if comparison.grouped:
        yield title, _groups(comparison, window)
    for name in others:
        rows = [
            row
            for row in comparison.differences.records
            if row.window == window and name == (row.group if comparison.grouped else row.run)
        ]
        if comparison.grouped:
            yield f"{title}: {name} less {baseline}", _between_groups(rows)
        else:
            head = title if len(others) == 1 else f"{title}: {name}"
            yield head, _between_runs(rows, comparison.settings.confidence)


def _indented(table: Listing, width: int | None) -> Iterator[str]:
    inner = None if width is None else width - 2
    return (f"  {line}".rstrip() for line in plain_lines(table, inner))


def _between_runs(rows: Sequence[Any], confidence: float) -> Listing:
    names = ["metric", "baseline", "value", "difference", f"± {confidence * 100:g} %", "verdict"]
    cells = [
        (row.metric, row.baseline_value, row.value, row.difference, _half(row), row.verdict)
        for row in rows
    ]
    return _listing(names, cells, numbers=names[1:5])


def _between_groups(rows: Sequence[Any]) -> Listing:
    names = ["metric", "difference", "interval", "P(above)", "verdict"]
    cells = [
        (row.metric, row.difference, _interval(row), row.probability_higher, row.verdict)
        for row in rows
    ]
    return _listing(names, cells, numbers=names[1:4])


def _groups(comparison: Comparison, window: str) -> Listing:
    rows = [row for row in comparison.groups.records if row.window == window]
    names = ["metric", "group", "seeds", "mean", "std", "IQM", "interval"]
    cells = [(r.metric, r.group, r.seeds, r.mean, r.std, r.iqm, _interval(r)) for r in rows]
    return _listing(names, cells, numbers=names[2:])


def _half(row: Any) -> float | None:
    return None if row.low is None else float(row.high / 2.0 - row.low / 2.0)


def _interval(row: Any) -> str | None:
    if row.low is None or row.high is None:
        return None
    return f"{row.low:.3g} … {row.high:.3g}"


def _settings(comparison: Comparison) -> Listing:
    by_key: dict[str, dict[str, str | None]] = {}
    for row in comparison.config.records:
        by_key.setdefault(row.key, {})[row.subject] = row.value
    names = ["key", *comparison.subjects]
    rows = [
        (key, *(brief(values[name], 60) for name in comparison.subjects))
        for key, values in list(by_key.items())[:_MOST_SETTINGS]
    ]
    return _listing(names, rows)


def _listing(
    names: list[str], rows: Sequence[tuple[Any, ...]], numbers: Sequence[str] = ()
) -> Listing:
    """Return rows for a page; columns of numbers are right-aligned and never broken."""
    return Listing(names, ["DOUBLE" if name in numbers else "VARCHAR" for name in names], rows)
