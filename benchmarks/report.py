"""What a program prints: the machine, tables in Markdown, and how each aim came out."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version

from benchmarks.processes import ROOT


@dataclass(slots=True)
class Report:
    """A title, what was measured, and its tables."""

    title: str
    size: str
    packages: Sequence[str] = ("duckdb", "pyarrow", "numpy")
    _parts: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(text)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a table; the first column is text, the others are numbers."""
        cells = [[_cell(value) for value in row] for row in rows]
        widths = [max(len(row[i]) for row in [list(heads), *cells]) for i in range(len(heads))]
        lines = [[head.ljust(w) for head, w in zip(heads, widths, strict=True)]]
        lines.append(["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])])
        for row in cells:
            first = row[0].ljust(widths[0])
            rest = zip(row[1:], widths[1:], strict=True)
            lines.append([first, *(cell.rjust(w) for cell, w in rest)])
        self._parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))

    def aim(self, what: str, found: float, least: float | None = None, most: float | None = None,
            unit: str = "×") -> None:  # fmt: skip
        """Add a line that sets a measured number against its aim, which is for the full size."""
        if self.size != "full":
            return
        wanted = f"at least {least:g}{unit}" if least is not None else f"at most {most:g}{unit}"
        met = found >= least if least is not None else most is not None and found <= most
        self._parts.append(
            f"- {what}: {found:.3g}{unit}; aim {wanted}: {'met' if met else 'MISSED'}"
        )

    def text(self) -> str:
        """Return all of it as Markdown."""
        return "\n\n".join([f"# {self.title}", self._machine(), *self._parts])

    def _machine(self) -> str:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        versions = ", ".join(f"{name} {version(name)}" for name in self.packages)
        return (
            f"{date.today()}, size {self.size}; {os.cpu_count()} cores, {memory:.0f} GiB, "
            f"{platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f} at the end; "
            f"Python {sys.version.split()[0]}, {versions}; dakota-wh {_commit()}."
        )


def _commit() -> str:
    """Return the commit of this program, with a plus where files differ from it."""
    try:
        said = [
            subprocess.run(
                ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
            ).stdout.strip()
            for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain"))
        ]
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said[0] + ("+" if said[1] else "")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
