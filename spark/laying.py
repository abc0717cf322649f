"""Views on a Spark session that somebody has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dakota_wh.spark.pinned import pinned
from dakota_wh.spark.statements import Kind, Statement, statements
from dakota_wh.sql import views as registry
from dakota_wh.store.address import is_address, parse
from dakota_wh.store.mirror import Mirror, mirror_of
from dakota_wh.store.moment import kept_files_of
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.relations import tables_of

if TYPE_CHECKING:
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
        root: the warehouse's folder, or an address in a store. Of that one, what the views read is
            brought to this machine's cache, which the executors must see, for as long as this
            process lives.
        views: only these and what they read; without, all. What several views rest on is computed
            here and now, so a few are laid sooner than all.

    Raises:
        NotAWarehouse: there is none, or a file of it cannot be read.
        NoSuchView: one of ``views`` is none.
        WarehouseError: a store cannot be read.
    """
    names = [*registry.aliases()] if views is None else list(views)
    wanted = dict.fromkeys(one for view in names for one in _both(view))
    folder = _files(os.fspath(root), wanted)
    laid = lay(session, statements(folder, wanted))
    return [one for one in laid if one in wanted]


def _files(root: str, relations: Iterable[str]) -> Path:
    """Return the folder in which the files are that relations stand on."""
    folder = Path(root).expanduser().absolute()
    mirror = Mirror(parse(root)) if is_address(root) else mirror_of(folder)
    if mirror is not None:
        return kept_files_of(mirror, tables_of(relations))
    connect(folder, relations).close()  # says what is missing, which Spark would not
    return folder


def _both(view: str) -> Sequence[str]:
    relation = registry.find_view(view).relation
    plain = [one for one, newest in registry.aliases().items() if newest == relation]
    return (relation, *plain)


def lay(session: SparkSession, plan: Iterable[Statement]) -> list[str]:
    """Run statements on a session, and return the relations that it has by them."""
    frames: dict[str, DataFrame] = {}
    relations = []
    with pinned(session):
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
