"""The settings of a session on which the answers rest, held while views are laid.

A person's session may have others: for texts in which a backslash is a sign like any other, for
names in which ``${x}`` stands for a setting, for the SQL of earlier versions. Spark looks at them
when it reads and resolves a statement; a view that is laid keeps what they were then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Spark 4's own values.
PINNED: Final = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enforceReservedKeywords": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.groupByAliases": "true",
    "spark.sql.legacy.consecutiveStringLiterals.enabled": "false",
    "spark.sql.legacy.ctePrecedencePolicy": "CORRECTED",
    "spark.sql.legacy.exponentLiteralAsDecimal.enabled": "false",
    "spark.sql.legacy.literal.pickMinimumPrecision": "true",
    "spark.sql.legacy.setopsPrecedence.enabled": "false",
    "spark.sql.legacy.statisticalAggregate": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.variable.substitute": "false",
}


@contextmanager
def pinned(session: SparkSession) -> Iterator[None]:
    """Hold the session to these settings, and give it back its own at the end."""
    own = {}
    for key, value in PINNED.items():
        there = session.conf.get(key, None)
        # Without a setting of its own the session has Spark's, apart from substitution's.
        if there != value and (there is not None or key == "spark.sql.variable.substitute"):
            own[key] = there
    try:
        for key in own:
            session.conf.set(key, PINNED[key])
        yield
    finally:
        for key, there in own.items():
            if there is None:
                session.conf.unset(key)
            else:
                session.conf.set(key, there)
