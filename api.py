"""The Python face: ``dakota_wh.open(path)`` and what can be done with a warehouse.

Everything here is also a command of the same name, and the command line calls nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dakota_wh.sql.views import View, all_views
from dakota_wh.warehouse.result import Result

if TYPE_CHECKING:
    from dakota_wh.ingest.landed import Landed
    from dakota_wh.ingest.planned import Planned
    from dakota_wh.ingest.progress import Progress
    from dakota_wh.ingest.wandb_api.fetching import Fetch
    from dakota_wh.warehouse.checks import Finding

#: The folder that is meant when nobody names one.
DEFAULT_FOLDER: Final = "dakota-warehouse"


def open(path: str | os.PathLike[str] | None = None) -> Warehouse:  # noqa: A001 - dakota_wh.open
    """Return the warehouse at ``path``: by default ``$DAKOTA_WH_DIR``, else ./dakota-warehouse.

    Nothing is created or read until it is asked for something; ``ingest`` creates the folder.
    """
    folder = path or os.environ.get("DAKOTA_WH_DIR") or DEFAULT_FOLDER
    return Warehouse(Path(folder).expanduser())


class Warehouse:
    """A warehouse folder. Cheap to make; holds nothing open."""

    def __init__(self, path: Path) -> None:
        #: The folder, as given.
        self.path = path

    def ingest(
        self,
        *what: str | os.PathLike[str],
        role: str | None = None,
        entity: str | None = None,
        project: str | None = None,
        store_as: str | None = None,
        force: bool = False,
        fetch: Fetch | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> list[Landed]:
        """Bring runs into the warehouse; see :func:`dakota_wh.ingest.landing.ingest`."""
        from dakota_wh.ingest.landing import ingest

        return ingest(
            self.path,
            [os.fspath(w) for w in what],
            role=role,
            entity=entity,
            project=project,
            store_as=store_as,
            force=force,
            fetch=fetch,
            on_progress=on_progress,
        )

    def plan(
        self,
        *what: str | os.PathLike[str],
        entity: str | None = None,
        project: str | None = None,
        store_as: str | None = None,
        fetch: Fetch | None = None,
    ) -> list[Planned]:
        """Return what ``ingest`` would do, writing nothing; see :mod:`dakota_wh.ingest.planned`."""
        from dakota_wh.ingest.planned import plan

        return plan(
            self.path,
            [os.fspath(w) for w in what],
            entity=entity,
            project=project,
            store_as=store_as,
            fetch=fetch,
        )

    def query(
        self,
        name: str,
        *,
        runs: Sequence[str] = (),
        role: str | None = None,
        metric: str | None = None,
        version: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Return a view's rows; see :func:`dakota_wh.warehouse.query.query_view`."""
        from dakota_wh.warehouse.query import query_view

        return query_view(
            self.path,
            name,
            runs=runs,
            role=role,
            metric=metric,
            version=version,
            limit=limit,
            timeout=timeout,
        )

    def sql(
        self,
        text: str,
        *,
        timeout: float | None = None,
        memory_limit: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Return the rows of one SELECT; see :func:`dakota_wh.warehouse.query.query_sql`."""
        from dakota_wh.warehouse.query import query_sql

        return query_sql(self.path, text, timeout=timeout, memory_limit=memory_limit, limit=limit)

    def runs(self) -> Result:
        """Return the runs that are here, with how complete each is."""
        return self.query("runs")

    def views(self) -> list[View]:
        """Return the published views, newest version of each last."""
        return all_views()

    def remove(self, run_id: str) -> None:
        """Delete a run from the warehouse.

        Raises:
            NoSuchRun: it is not there.
        """
        from dakota_wh.ingest.landing import remove

        remove(self.path, run_id)

    def pair(self, orchestrator: str, trainer: str, *, remove: bool = False) -> bool:
        """Fix which trainer belongs to which orchestrator, or undo that with ``remove``.

        It stays through ingest and rebuild, and goes before every scored pair. Returns whether
        anything changed.

        Raises:
            NoSuchRun: one of the runs is not there.
            NothingFound: ``remove``, and the two are no pair that was fixed.
            UsageProblem: it is one run, or the two are the other way round.
            WarehouseError: one of them is in another fixed pair.
        """
        from dakota_wh.warehouse import folder, pairs
        from dakota_wh.warehouse.connection import check_is_warehouse
        from dakota_wh.warehouse.query import known_runs

        check_is_warehouse(self.path)
        if remove:
            pairs.release(self.path, orchestrator, trainer)
            return True
        known_runs(self.path, [orchestrator, trainer])
        folder.create(self.path)
        return pairs.fix(self.path, orchestrator, trainer)

    def check(
        self,
        *runs: str,
        require_nonzero: Sequence[str] = (),
        thresholds: Mapping[str, float] | None = None,
        timeout: float | None = None,
    ) -> list[Finding]:
        """Return what is odd about the runs; see :func:`dakota_wh.warehouse.checks.check`."""
        from dakota_wh.warehouse.checks import check

        return check(
            self.path,
            runs,
            require_nonzero=require_nonzero,
            thresholds=thresholds,
            timeout=timeout,
        )

    def rebuild(self, *, on_progress: Callable[[Progress], None] | None = None) -> list[Landed]:
        """Make metrics, roles and the catalogue anew from the stored history, no source needed."""
        from dakota_wh.ingest.rebuild import rebuild

        return rebuild(self.path, on_progress=on_progress)
