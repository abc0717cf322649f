"""Attacks on the promises of docs/storage.md and SECURITY.md, as programs.

Each prints how often it tried, how many faults it found and what was lost, and ends with exit code
1 if there was a fault. ``uv run python -m benchmarks attacks.kills --size small``.
"""
