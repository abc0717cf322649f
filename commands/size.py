"""Sizes of memory as they are typed."""

from __future__ import annotations

import re
from typing import Final

import click

_SIZE: Final = re.compile(r"[0-9]+(\.[0-9]+)?\s*([KMGT]i?B|bytes)", re.IGNORECASE)


def checked_size(_: click.Context, __: click.Parameter, value: str) -> str:
    """Return what ``--memory-limit`` was given, as DuckDB writes sizes: ``500MB``, ``4GB``."""
    if not _SIZE.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no size like 500MB or 4GB.")
    return value
