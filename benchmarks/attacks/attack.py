"""What an attack prints: a report that counts its tries and keeps its faults."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from benchmarks.report import Report

#: Faults that are shown in full; the others are counted.
_SHOWN = 20


@dataclass(slots=True)
class Attack(Report):
    """A report with faults; ``python -m benchmarks`` ends with exit code 1 if there is one."""

    packages: tuple[str, ...] = ("duckdb", "pyarrow")
    tries: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    faulty: Counter[str] = field(default_factory=Counter)

    def tried(self, what: str, times: int = 1) -> None:
        """Count tries of a kind."""
        self.tries[what] += times

    def fault(self, what: str, text: str) -> None:
        """Note something that should not have happened at a try of a kind."""
        self.faulty[what] += 1
        self.faults.append(f"{what}: {text}")

    def must(self, what: str, holds: bool, text: str) -> bool:
        """Note a fault unless something holds; return whether it does."""
        if not holds:
            self.fault(what, text)
        return holds

    def text(self) -> str:
        """Return all of it as Markdown, with the verdict at the end."""
        tries, faults = sum(self.tries.values()), len(self.faults)
        listed = "".join(f"\n- {one[:1000]}" for one in self.faults[:_SHOWN])
        more = f"\n- and {faults - _SHOWN} more" if faults > _SHOWN else ""
        return f"{Report.text(self)}\n\n**{tries:,} tries, {faults} faults.**{listed}{more}"
