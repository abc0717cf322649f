"""Hostile inputs, found by coverage: logs, exports and answers that nobody ever wrote.

    uv run --with atheris python -m benchmarks fuzz --minutes 10 --keep
    uv run python -m benchmarks fuzz --plain --tries 500

Atheris (libFuzzer) watches which branches of ``dakota_wh`` an input reaches and goes on from those
that reach new ones; the inputs are bent by their structure (``wire.py``, ``texts.py``,
``parquets.py``), or checksums and parsers would refuse nearly all. ``--plain`` bends the first
inputs blindly, without atheris. What counts as a fault: any exception that is not of
``dakota_wh.errors``, more than 10 s of processor time, more memory than 64 times the input and
64 MiB, an answer that claims more than the input holds, a warehouse that cannot be read afterwards.
"""

from __future__ import annotations


def main() -> None:
    """Run the program."""
    from benchmarks.fuzz.program import run

    run()
