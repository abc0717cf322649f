"""``python -m benchmarks``: list the programs, or run one.

    uv run python -m benchmarks
    uv run python -m benchmarks NAME [--size small|full] [--keep]

``--keep`` also writes the result to ``benchmarks/results/<date>-NAME.md`` (``….small.md`` of the
small size). The cache of made data is ``$DAKOTA_WH_BENCHMARKS``, else a folder below the system's
for temporary files; it can be deleted at any time.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

from benchmarks.programs import OTHERS, PROGRAMS

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """List or run."""
    if len(sys.argv) > 1 and sys.argv[1] in OTHERS:
        name = sys.argv.pop(1)
        import_module(f"benchmarks.{name}").main()
        return
    options = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Without NAME, list the programs."
    )
    options.add_argument("name", metavar="NAME", nargs="?", choices=[*PROGRAMS, *OTHERS])
    options.add_argument("--size", choices=("small", "full"), default="full")
    options.add_argument("--keep", action="store_true", help="write benchmarks/results/…")
    given = options.parse_args()
    if given.name is None:
        for name, line in (PROGRAMS | OTHERS).items():
            print(f"{name:18} {line}")
        return
    report = import_module(f"benchmarks.{given.name}").run(given.size)
    text = report.text()
    print(text)
    if given.keep:
        RESULTS.mkdir(exist_ok=True)
        kind = "" if given.size == "full" else f".{given.size}"
        place = RESULTS / f"{date.today()}-{given.name}{kind}.md"
        place.write_text(text + "\n", encoding="utf-8")
    if getattr(report, "faults", None):  # of an attack
        sys.exit(1)


if __name__ == "__main__":
    main()
