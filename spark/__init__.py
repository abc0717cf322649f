"""The views on Apache Spark, over the same Parquet, from the same ``.sql`` files.

With a session of one's own: ``dakota_wh.spark.register(session, "dakota-warehouse")``, then
``session.table("reward_trends")``. Needs the extra: ``pip install 'dakota-wh[spark]'``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from pyspark.sql import SparkSession

__all__ = ["register"]


def register(
    session: SparkSession, root: str | os.PathLike[str], views: Iterable[str] | None = None
) -> list[str]:
    """Create a warehouse's views in a session; see :func:`dakota_wh.spark.laying.register`.

    Raises:
        WarehouseError: a package of the extra is missing.
    """
    from dakota_wh.spark.session import import_spark

    import_spark()
    from dakota_wh.spark.laying import register as lay_views

    return lay_views(session, root, views)
