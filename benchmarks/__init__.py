"""Programs that measure this one against others: ``uv run python -m benchmarks`` lists them.

Each checks its answers against the alternatives', value by value, before it prints a table. Data is
made by seeded programs, once, in a cache below the system's folder for temporary files.
"""
