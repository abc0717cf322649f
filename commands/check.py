"""``dakota-wh check``: what is odd about the runs, and exit code 7 where that is enough to stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.output import Output, output_options
from dakota_wh.errors import ExitCode
from dakota_wh.rendering.rows import Listing, pick
from dakota_wh.sql import rules

if TYPE_CHECKING:
    from dakota_wh.warehouse.findings import Finding

_EXAMPLES: Final = """
dakota-wh check
dakota-wh check 29hn8w98 --fail-on error --format json
dakota-wh check 29hn8w98 --require-nonzero reward/mean --require-nonzero 'metrics/*'
dakota-wh check --set length_collapse.least_drop=0.3
dakota-wh check --rules
"""

_COLUMNS: Final = ("severity", "run_id", "check", "metric", "what", "numbers", "evidence")
_SHOWN: Final = ("severity", "run_id", "check", "what")
_NEVER: Final = "never"


def _threshold(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    values = {}
    for one in given:
        name, _sign, number = one.partition("=")
        try:
            values[name] = float(number)
        except ValueError as error:
            raise click.BadParameter(f"{one!r} is not like RULE.PARAMETER=NUMBER.") from error
    return values


@click.command("check", cls=Command, epilog=_EXAMPLES)
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option(
    "--fail-on",
    type=click.Choice((*rules.SEVERITIES, _NEVER)),
    default="warning",
    show_default=True,
    help="The severity from which the exit code is 7.",
)
@click.option(
    "--require-nonzero",
    "required",
    metavar="METRIC",
    multiple=True,
    help="An error unless each RUN, or its partner, logs it and not only as 0; can be repeated, "
    "and be a pattern (* and ?).",
)
@click.option(
    "--set",
    "thresholds",
    metavar="RULE.PARAMETER=NUMBER",
    multiple=True,
    callback=_threshold,
    help="Another threshold; can be repeated.",
)
@click.option("--rules", "list_rules", is_flag=True, help="List the rules and their thresholds.")
@output_options
@warehouse_options
def command(
    runs: tuple[str, ...],
    fail_on: str,
    required: tuple[str, ...],
    thresholds: dict[str, float],
    list_rules: bool,
    format_: str | None,
    file: Path | None,
) -> int:
    """Find what is odd about the runs: by default all that are here.

    Dead or saturated components, collapses, values that are no numbers, missing steps, a history
    that is not complete: facts with their numbers and the query that shows each, and no verdict on
    the research. A table has what a person reads; the other formats have numbers and queries too.
    """
    output = Output(format_, file)
    chosen = output.chosen()
    if list_rules:
        output.write(_rules())
        return ExitCode.OK
    found = the_warehouse().check(*runs, require_nonzero=required, thresholds=thresholds)
    listing = _listing(found)
    if chosen != "table":
        output.write(listing)
    elif found:
        output.write(pick(listing, _SHOWN))
    click.echo(_summary(found), err=True)
    failing = rules.at_or_above(fail_on) if fail_on != _NEVER else frozenset()
    return ExitCode.FINDINGS if any(f.severity in failing for f in found) else ExitCode.OK


def _listing(found: Sequence[Finding]) -> Listing:
    rows = [tuple(getattr(finding, name) for name in _COLUMNS) for finding in found]
    types = ["JSON" if name == "numbers" else "VARCHAR" for name in _COLUMNS]
    return Listing(list(_COLUMNS), types, rows)


def _summary(found: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in found)
    words = {"error": "error", "warning": "warning", "info": "remark"}
    told = [
        f"{counts[severity]} {word}{'' if counts[severity] == 1 else 's'}"
        for severity, word in words.items()
        if counts[severity]
    ]
    return ", ".join(told) or "nothing found"


def _rules() -> Listing:
    rows: list[tuple[str, str | None, float | None, str]] = []
    for rule in rules.all_checks():
        rows.append((rule.name, None, None, rule.description))
        rows += [
            (rule.name, parameter.name, parameter.default, parameter.description)
            for parameter in rule.parameters
            if isinstance(parameter.default, float)
        ]
    return Listing(
        ["check", "parameter", "default", "description"],
        ["VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR"],
        rows,
    )
