"""The views as a script: for a notebook, a scheduled job, or ``spark-sql -f``."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from dakota_wh.spark.pinned import PINNED
from dakota_wh.spark.statements import Kind, Statement, statements
from dakota_wh.spark.text import name

_HEAD: Final = """\
-- The views of dakota-wh on Spark 4, over the warehouse as it is when this runs.
-- What several views rest on is written to a scratch folder that every executor must see.
-- The session is held to Spark's own settings of SQL: the answers rest on them."""
_SCRATCH: Final = "/tmp/dakota-wh-${spark.app.id}"  # noqa: S108 - a word of the script
#: By this ``${x}`` stands for a setting, as the script's own scratch folder does.
_SUBSTITUTE: Final = "spark.sql.variable.substitute"


def script(root: Path, names: Iterable[str], scratch: str | None = None) -> list[str]:
    """Return the statements that make views in any session, in order, the first with a comment.

    Args:
        root: the warehouse's folder.
        names: views, plain or with a version.
        scratch: where staged relations go; by default below ``/tmp`` a folder of the application's
            and this warehouse's own, so that no other script writes over what it reads.

    Raises:
        NotPortable, NotAWarehouse: see :func:`dakota_wh.spark.statements.statements`.
    """
    folder = scratch or f"{_SCRATCH}-{sha256(bytes(root.absolute())).hexdigest()[:10]}"
    lines = [f"{_HEAD}\nSET dakota.scratch = {folder}"]
    lines += [f"SET {key} = {value}" for key, value in PINNED.items() if key != _SUBSTITUTE]
    for statement in statements(root.absolute(), names):
        made = _lines(statement)
        if statement.kind is Kind.FILES and "${" in statement.text:  # in a path, or a logged key
            made = [f"SET {_SUBSTITUTE} = false", *made, f"SET {_SUBSTITUTE} = true"]
        lines += made
    return lines


def _lines(statement: Statement) -> list[str]:
    relation = name(statement.relation)
    match statement.kind:
        case Kind.FILES:
            return [statement.text]
        case Kind.VIEW:
            return [f"CREATE OR REPLACE TEMPORARY VIEW {relation} AS\n{statement.text}"]
        case Kind.NAME:
            return [
                f"CREATE OR REPLACE TEMPORARY VIEW {relation} AS\n"
                f"SELECT * FROM {name(statement.text)}"
            ]
        case Kind.STAGE:
            place = f"'${{dakota.scratch}}/{statement.relation}'"
            return [
                f"INSERT OVERWRITE DIRECTORY {place} USING parquet\n{statement.text}",
                f"CREATE OR REPLACE TEMPORARY VIEW {relation}\n"
                f"USING parquet OPTIONS (path {place})",
            ]
