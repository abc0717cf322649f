"""DuckDB alone: run the statements of a file on a fresh connection, print the last one's rows.

    python -m benchmarks.others.bare_duckdb STATEMENTS.sql

Statements are parted by a line of ``--next``. No more is imported than duckdb.
"""

import sys

import duckdb

with open(sys.argv[1], encoding="utf-8") as file:
    *before, last = file.read().split("\n--next\n")
connection = duckdb.connect()
for statement in before:
    connection.execute(statement)
found = connection.execute(last)
print(",".join(column[0] for column in found.description or ()))
for row in found.fetchall():
    print(",".join(map(repr, row)))
