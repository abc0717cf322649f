"""Views on a Spark session that somebody has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dakota_wh.spark.statements import Kind, Statement, statements
from dakota_wh.sql import views as registry
from dakota_wh.warehouse.connection import check_is_warehouse

if TYPE_CHECKING:
    import os

    from pyspark.sql import DataFrame, SparkSession


def register(
    session: SparkSession, root: str | os.PathLike[str], views: Iterable[str] | None = None
) -> list[str]:
    """Create a warehouse's views in a session, as temporary views; return their names.

    They show the warehouse as it is now: an ingest is seen after the next ``register``. Each is
    there under its plain name and with its version, ``reward_trends`` and ``reward_trends_v1``, and
    takes the place of a temporary view that the session has under that name.

    Args:
        session: a session of Spark 4, local or of a cluster that sees the folder.
        root: the warehouse's folder.
        views: only these and what they read; without, all. What several views rest on is computed
            here and now, so a few are laid sooner than all.

    Raises:
        NotAWarehouse: the folder holds none, or a file of it cannot be read.
        NoSuchView: one of ``views`` is none.
    """
    folder = Path(root).expanduser().absolute()
    check_is_warehouse(folder)
    names = [*registry.aliases()] if views is None else list(views)
    wanted = dict.fromkeys(one for view in names for one in _both(view))
    laid = lay(session, statements(folder, wanted))
    return [one for one in laid if one in wanted]


def _both(view: str) -> Sequence[str]:
    relation = registry.find_view(view).relation
    plain = [one for one, newest in registry.aliases().items() if newest == relation]
    return (relation, *plain)


def lay(session: SparkSession, plan: Iterable[Statement]) -> list[str]:
    """Run statements on a session, and return the relations that it has by them."""
    frames: dict[str, DataFrame] = {}
    relations = []
    for statement in plan:
        relations.append(statement.relation)
        if statement.kind is Kind.FILES:
            session.sql(statement.text)
            continue
        if statement.kind is Kind.NAME:
            frame = frames[statement.text]
        else:
            frame = frames[statement.relation] = session.sql(statement.text)
        if statement.kind is Kind.STAGE:
            frame = frames[statement.relation] = frame.localCheckpoint()
        # Not by CREATE VIEW, whose text would be understood anew at every mention.
        frame.createOrReplaceTempView(statement.relation)
    return relations
