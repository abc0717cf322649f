"""``dakota-wh show``: one run, for a person."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any, Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.invocation import Command, settings, the_warehouse, warehouse_options
from dakota_wh.commands.output import on_terminal, open_stdout, say_json
from dakota_wh.commands.run_story import RunStory, read_story
from dakota_wh.rendering.layout import hanging
from dakota_wh.rendering.rows import Listing
from dakota_wh.rendering.table import plain_lines
from dakota_wh.rendering.values import brief, printable, shell_word

_EXAMPLES: Final = """
dakota-wh show 29hn8w98
dakota-wh show 29hn8w98 --format json
"""

#: Where the text of a label begins.
_INDENT: Final = 14

#: Settings that tell one run from another, under any section of the config.
_SETTINGS: Final = (
    "model.name",
    "model_name_or_path",
    "env",
    "algorithm",
    "max_steps",
    "batch_size",
    "rollouts_per_example",
    "group_size",
    "num_generations",
    "seq_len",
    "max_tokens",
    "temperature",
    "lr",
    "learning_rate",
    "optim.type",
    "loss.type",
    "ratio_type",
    "beta",
    "kl_coef",
    "async_level",
    "seed",
)
_MOST_SETTINGS: Final = 20
_MOST_CANDIDATES: Final = 5


@click.command("show", cls=Command, epilog=_EXAMPLES)
@click.argument("run_id", metavar="RUN", shell_complete=complete_runs)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text")
@warehouse_options
def command(run_id: str, format_: str) -> None:
    """Tell what is known of RUN: what it is, how complete, with whom it belongs, how it went.

    --format json has everything: the run's row, its pairs, metrics, trends, config and summary.
    """
    story = read_story(the_warehouse(), run_id)
    if format_ == "json":
        say_json(story.document())
        return
    stdout = open_stdout()
    width = shutil.get_terminal_size().columns if on_terminal(sys.stdout) else None
    for line in _page(story, width):
        stdout.write(line + "\n")


def _page(story: RunStory, width: int | None) -> Iterator[str]:
    run = story.run
    yield printable("  ".join([run["run_id"], run["role"], run["completeness"]]))
    yield ""
    for label, text in (*_identity(run), *_certificate(story), *_belongs(story)):
        yield from _labelled(label, text, width)
    for title, rows in (("Metrics", _metrics(story)), ("Config", _settings(story))):
        if len(rows):
            yield from ("", title)
            inner = None if width is None else width - 2
            yield from (f"  {line}".rstrip() for line in plain_lines(rows, inner))
    yield from ("", "Next")
    yield from (f"  {line}" for line in _next(run["run_id"]))


def _labelled(label: str, text: str, width: int | None) -> list[str]:
    if not text:
        return []
    return hanging(f"  {label}".ljust(_INDENT), printable(text), width, _INDENT)


def _identity(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    place = "/".join(part for part in (run["entity"], run["project"]) if part)
    yield "name", run["name"] or ""
    yield "project", place
    yield "group", run["run_group"] or ""
    yield "state", run["state"] or ""
    yield "created", _time(run["created_at"])
    yield "address", run["url"] or ""
    yield "tags", ", ".join(str(tag) for tag in json.loads(run["tags"] or "[]"))
    yield "notes", run["notes"] or ""
    yield "source", f"{run['source']}: {run['source_name']}"
    yield "ingested", f"{_time(run['ingested_at'])} by dakota-wh {run['dakota_wh']}"


def _time(value: Any) -> str:
    return "" if value is None else f"{brief(value)} UTC"


def _certificate(story: RunStory) -> Iterator[tuple[str, str]]:
    run = story.run
    expected = "" if run["expected_rows"] is None else f" of {run['expected_rows']:,}"
    yield "role", f"{run['role']}: {run['role_evidence']}"
    if run["role"] == "unknown":
        yield (
            "To decide",
            (
                f"dakota-wh ingest {_source(run)} --role ROLE{_where()}"
                "  (ROLE: orchestrator, trainer, shared or single)"
            ),
        )
    yield "step key", f"{run['step_key'] or 'none'}: {run['step_evidence']}"
    yield "rows", f"{run['rows']:,}{expected}"
    if run["first_step"] is not None:
        yield "steps", f"{run['steps']:,}, from {run['first_step']} to {run['last_step']}"
    yield "complete?", f"{run['completeness']}: {run['evidence']}"
    names = ("duplicate_steps", "collapsed_rows", "unstepped_rows", "lost_records")
    counts = {"missing steps": story.missing_steps}
    counts |= {name.replace("_", " "): run[name] for name in names}
    yield "", ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    for place, warning in enumerate(json.loads(run["warnings"] or "[]")):
        yield "" if place else "warnings", str(warning)
    for place, limit in enumerate(json.loads(run["lossy"] or "[]")):
        yield "" if place else "not exact", str(limit)


def _belongs(story: RunStory) -> Iterator[tuple[str, str]]:
    run_id = story.run["run_id"]
    for pair in story.pairs:
        runs = {pair["orchestrator_run_id"]: "orchestrator", pair["trainer_run_id"]: "trainer"}
        runs.pop(run_id, None)
        with_whom = ", ".join(f"{side} {other}" for other, side in runs.items()) or "itself"
        yield "pair", f"{with_whom}: {pair['evidence']}"
    if not story.candidates:
        return
    yield "pair", "none that is clear; candidates, with their points (query run_pair_candidates):"
    for one in story.candidates[:_MOST_CANDIDATES]:
        other = one[
            "trainer_run_id" if one["orchestrator_run_id"] == run_id else "orchestrator_run_id"
        ]
        yield "", f"{other}: {one['score']:g} points, {one['decision']} ({one['evidence']})"
    more = len(story.candidates) - _MOST_CANDIDATES
    if more > 0:
        yield "", f"and {more} more"
    best = story.candidates[0]
    both = " ".join(shell_word(best[f"{side}_run_id"]) for side in ("orchestrator", "trainer"))
    yield "To decide", f"dakota-wh pair {both}{_where()}"


def _source(run: dict[str, Any]) -> str:
    """Return what to ingest for the run once more: its address in W&B, else the file's name."""
    if run["source"] == "wandb-api" and run["entity"] and run["project"]:
        return shell_word(f"{run['entity']}/{run['project']}/{run['run_id']}")
    return shell_word(str(run["source_name"]))


def _metrics(story: RunStory) -> Listing:
    main = [m for m in story.metrics if _is_main(m)]
    main.sort(key=lambda m: ("reward" not in m["kind"], m["kind"], m["kind_rank"]))
    chosen = main or story.metrics[:8]
    columns = ["metric", "kind", "samples", "initial", "mean", "final", "nonfinite"]
    types = ["VARCHAR", "VARCHAR", "BIGINT", *["DOUBLE"] * 3, "BIGINT"]
    return Listing(columns, types, [tuple(m[name] for name in columns) for m in chosen])


def _is_main(metric: dict[str, Any]) -> bool:
    kind = metric["kind"]
    return kind is not None and (metric["kind_rank"] == 1 or kind.startswith("reward"))


def _settings(story: RunStory) -> Listing:
    found = [
        (row["key"], row["text"])
        for wanted in _SETTINGS
        for row in story.config
        if (row["key"] == wanted or row["key"].endswith(f".{wanted}")) and row["type"] != "null"
    ]
    unique = list(dict.fromkeys(found))[:_MOST_SETTINGS]
    return Listing(["key", "value"], ["VARCHAR", "VARCHAR"], unique)


def _next(run_id: str) -> Iterator[str]:
    run = shell_word(run_id)
    where = _where()
    yield f"dakota-wh query reward_trends --run {run}{where}"
    yield f"dakota-wh query history --run {run} -o history.parquet{where}"
    yield f"dakota-wh query config --run {run}{where}"


def _where() -> str:
    return f" --warehouse {shell_word(str(settings().folder))}" if settings().typed else ""
