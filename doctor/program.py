"""The versions of the program, of what it stands on, and of the duckdb shell beside it."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from dakota_wh.doctor.told import State, Told
from dakota_wh.errors import how_to_add

_ABOUT: Final = "program"
_SELF: Final = "dakota-wh"
#: ``mcp>=2.1,<3; extra == "mcp"`` as importlib.metadata gives it (PEP 508).
_REQUIREMENT: Final = re.compile(
    r"""(?P<name>[\w.-]+)[^;]*(?:;.*extra == ['"](?P<extra>\w+)['"])?"""
)
#: The oldest shell that reads the catalogue.
_OLDEST_SHELL: Final = (1, 4)


def look() -> Iterator[Told]:
    """Yield the versions; what an extra is missing is a note, what the program needs an error."""
    where = f"Python {platform.python_version()} at {sys.executable}, {platform.platform()}"
    own = _installed(_SELF)
    if own is None:
        what = f"run from a folder without being installed there; {where}"
        yield Told(_ABOUT, _SELF, State.WARNING, what, "uv run dakota-wh … in the clone")
        return
    yield Told(_ABOUT, _SELF, State.OK, f"{own}, {where}")
    extras: dict[str, list[str]] = {}
    for line in requires(_SELF) or ():
        match = _REQUIREMENT.fullmatch(line.strip())
        if match is None:
            continue
        if match["extra"]:
            extras.setdefault(match["extra"], []).append(match["name"])
        else:
            yield _package(match["name"])
    for extra, names in sorted(extras.items()):
        yield _extra(extra, names)
    yield _shell()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _package(name: str) -> Told:
    found = _installed(name)
    if found is None:
        do = f"install dakota-wh again, or beside it: (uv) pip install {name}"
        return Told(_ABOUT, name, State.ERROR, "is not installed", do)
    return Told(_ABOUT, name, State.OK, found)


def _extra(extra: str, names: list[str]) -> Told:
    subject = f"extra {extra}"
    missing = [name for name in names if _installed(name) is None]
    if missing:
        do = how_to_add(extra)
        return Told(_ABOUT, subject, State.NOTE, f"not installed: {', '.join(missing)}", do)
    return Told(_ABOUT, subject, State.OK, ", ".join(f"{n} {_installed(n)}" for n in names))


def _shell() -> Told:
    subject = "duckdb shell"
    here = Path(sys.executable).parent
    found = shutil.which("duckdb", path=str(here)) or shutil.which("duckdb")
    do = "pip install -U duckdb-cli"
    if found is None:
        what = "not installed; only `dakota-wh shell` needs it"
        return Told(_ABOUT, subject, State.NOTE, what, do)
    try:
        said = subprocess.run(  # noqa: S603 - the program that `dakota-wh shell` starts
            [found, "--version"], capture_output=True, timeout=20, check=True
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError) as error:
        return Told(_ABOUT, subject, State.WARNING, f"{found} does not start: {error}", do)
    number = re.match(r"v?(\d+)\.(\d+)", said.strip())
    if number is None or (int(number[1]), int(number[2])) < _OLDEST_SHELL:
        what = f"{said.strip() or 'no version'} at {found} is older than 1.4 and cannot read views"
        return Told(_ABOUT, subject, State.WARNING, what, do)
    return Told(_ABOUT, subject, State.OK, f"{said.split()[0]} at {found}")
