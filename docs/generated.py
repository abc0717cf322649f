"""Runs the commands whose output stands in the documentation; used by the cog blocks in it.

``uv run python -m cogapp -r -P README.md docs/*.md`` writes the parts anew, ``--check`` tells
whether they are true. Commands run in a fresh folder, 100 columns wide, without colour.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import fields
from functools import cache
from pathlib import Path


@cache
def place() -> Path:
    """Return the folder that all commands of one documentation run share, with the demo in it."""
    folder = Path(tempfile.mkdtemp(prefix="docs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def run(command: str) -> str:
    """Return what a ``dakota-wh`` command prints on both streams; it must end well."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DAKOTA_", "WANDB_"))
    }
    environment |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    words = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", "dakota_wh", *words[1:]],
        cwd=place(),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}")
    lines = [line.rstrip() for line in done.stdout.replace(str(place()), "").splitlines()]
    return "\n".join(lines).strip("\n")


def shown(command: str, *, most: int | None = None) -> str:
    """Return a fenced block of a command and what it prints."""
    lines = run(command).splitlines()
    if most is not None and len(lines) > most:
        lines = [*lines[:most], f"… ({len(lines) - most} more lines)"]
    return "\n".join(["```console", f"$ {command}", *lines, "```"])


def help_of(*commands: str) -> str:
    """Return the help of commands, each under its own heading."""
    return "\n\n".join(
        f"## {name}\n\n```text\n{run(f'dakota-wh {name} --help')}\n```" for name in commands
    )


def help_of_all() -> str:
    """Return the help of every command that the program has, in its own order."""
    from dakota_wh.cli import COMMANDS

    return help_of(*COMMANDS)


def tools() -> str:
    """Return what the server for agents offers, as Markdown: each tool with its arguments."""
    from dakota_wh import api
    from dakota_wh.agents.server import build
    from dakota_wh.agents.tools import Tools

    parts = []
    for tool in asyncio.run(build(Tools(api.open("nowhere")), "0").list_tools()):
        parts.append(f"### {tool.name}\n\n{inspect.cleandoc(tool.description or '')}")
        needed = tool.input_schema.get("required", [])
        rows = [
            f"| `{name}` | {'yes' if name in needed else 'no'} | {told['description']} |"
            for name, told in tool.input_schema["properties"].items()
        ]
        if rows:
            parts.append("\n".join(["| argument | needed | what it is |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def caps() -> str:
    """Return how much one answer for an agent may hold, as Markdown."""
    from dakota_wh.agents.answer import Caps
    from dakota_wh.agents.tools import Tools

    most, of = Caps(), {field.name: field.default for field in fields(Tools)}
    rows = [
        ("rows", f"{most.rows:,}", "`--max-rows`"),
        ("characters of the whole answer", f"{most.characters:,}", "`--max-characters`"),
        ("characters of one text, name or list", f"{most.cell:,}", "–"),
        ("seconds for one question", f"{of['timeout']:g}", "`--timeout`"),
        ("memory for one question", f"{of['memory_limit']}", "`--memory-limit`"),
    ]
    lines = [f"| {what} | {value} | {flag} |" for what, value, flag in rows]
    return "\n".join(["| of an answer | at most | changed by |", "|---|---|---|", *lines])


def views() -> str:
    """Return every published view with its columns as Markdown."""
    from dakota_wh.sql.views import all_views

    parts = []
    for view in all_views():
        parts.append(f"## {view.name}, version {view.version}\n\n{view.description}.")
        parts.append(f"A row is {view.row}.")
        parts += [f"Formula: {view.formula}."] if view.formula else []
        parts += [f"Note: {line}." for line in view.notes]
        if view.columns:
            rows = [
                f"| `{c.name}` | {c.type} | {c.description.replace('|', chr(92) + '|')} |"
                for c in view.columns
            ]
            parts.append("\n".join(["| column | type | what it is |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)
