"""The Python face: ``dakota_wh.open(path)`` and what can be done with a warehouse.

Everything here is also a command of the same name, and the command line calls nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dakota_wh.errors import UsageProblem
from dakota_wh.sql.views import View, all_views
from dakota_wh.warehouse.result import Result

if TYPE_CHECKING:
    from dakota_wh.compare.comparison import Comparison
    from dakota_wh.export.analysis import Analysis
    from dakota_wh.export.curves import Curves
    from dakota_wh.export.run_export import Exported
    from dakota_wh.ingest.landed import Landed
    from dakota_wh.ingest.planned import Planned
    from dakota_wh.ingest.progress import Progress
    from dakota_wh.ingest.wandb_api.fetching import Fetch
    from dakota_wh.plot.plot import Plot
    from dakota_wh.warehouse.findings import Finding

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
        streams: Sequence[str] = (),
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
            streams=streams,
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

    def compare(
        self,
        *what: str,
        by: str | None = None,
        baseline: str | None = None,
        metrics: Sequence[str] = (),
        ignore: Sequence[str] = (),
        align: str = "step",
        last: float = 0.25,
        confidence: float = 0.95,
        resamples: int = 10_000,
        seed: int = 0,
    ) -> Comparison:
        """Set runs or groups of seeds side by side; see :mod:`dakota_wh.compare.comparing`.

        ``align`` is step, tokens or time; ``last`` the share of the common range that is the last
        window; ``resamples`` and ``seed`` are those of the bootstrap over seeds.
        """
        from dakota_wh.compare.comparing import compare
        from dakota_wh.compare.settings import Settings

        return compare(
            self.path,
            what,
            by=by,
            baseline=baseline,
            metrics=metrics,
            ignore=ignore,
            settings=Settings(align, last, confidence, resamples, seed),
        )

    def plot(
        self,
        runs: str | Sequence[str] = (),
        *,
        metric: str | Sequence[str] = (),
        preset: str | None = None,
        smooth: str | None = None,
        x: str = "step",
    ) -> Plot:
        """Return a chart of runs (all where none is named): ``.text()``, ``.save(path)``.

        ``metric`` are patterns; ``smooth`` is like ``ema:0.6`` or ``ma:20``; see
        :func:`dakota_wh.plot.composing.compose`. Pages and pictures need the extra ``plot``.
        """
        from dakota_wh.plot.composing import compose
        from dakota_wh.plot.plot import Plot
        from dakota_wh.plot.smoothing import parse_smoothing

        smoothing = None if smooth is None else parse_smoothing(smooth)
        chart = compose(self, _several(runs), metrics=_several(metric), preset=preset, x=x)
        return Plot(chart, smoothing)

    def report(self, runs: str | Sequence[str], path: str | os.PathLike[str]) -> Path:
        """Write a page about runs and their partners; see :mod:`dakota_wh.report.page`.

        Needs the extra ``plot``.
        """
        from dakota_wh.rendering.whole_file import replacing
        from dakota_wh.report.page import report_page

        target = Path(path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise UsageProblem(f"A report is a page, and {target} is none.", hint="Call it .html")
        page = report_page(self, _several(runs))
        with replacing(target) as file:
            file.write(page.encode("utf-8"))
        return target

    def bring(
        self,
        *what: str,
        entity: str | None = None,
        project: str | None = None,
        fetch: Fetch | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> list[str]:
        """Return the ids of the runs meant, fetching from W&B those that are not stored.

        See :func:`dakota_wh.export.bring.bring`.
        """
        from dakota_wh.export.bring import bring

        return bring(
            self.path, what, entity=entity, project=project, fetch=fetch, on_progress=on_progress
        )

    def export(
        self,
        *runs: str,
        output_dir: str | os.PathLike[str] = "wandb_analysis",
        formats: Sequence[str] = ("json", "csv"),
        name: str | None = None,
        force: bool = False,
    ) -> Iterator[Exported]:
        """Write stored runs to files that ``ingest`` reads back, one run each time it is asked.

        See :func:`dakota_wh.export.run_export.export_run`; ``name`` is for one run.

        Raises:
            NoSuchRun: one of them is not stored; nothing is written then.
            UsageProblem: ``name`` for several runs, an unknown format.
        """
        from dakota_wh.export.run_export import check_formats, export_run
        from dakota_wh.warehouse.connection import check_is_warehouse
        from dakota_wh.warehouse.query import known_runs

        check_is_warehouse(self.path)
        known_runs(self.path, runs)
        check_formats(formats)
        if name is not None and len(runs) > 1:
            raise UsageProblem(f"--name {name} names one run's files, but there are {len(runs)}.")
        folder = Path(output_dir)
        return (export_run(self.path, run, folder, formats, name=name, force=force) for run in runs)

    def export_curves(
        self, *runs: str, output_dir: str | os.PathLike[str] = "wandb_analysis"
    ) -> Curves:
        """Write the curves and analyses of a training; see :mod:`dakota_wh.export.curves`.

        ``runs`` is one of its two runs, or both: the orchestrator, then the trainer.

        Raises:
            NoSuchRun: one of them is not stored.
            UsageProblem: the runs are of no one training.
        """
        from dakota_wh.export.curves import export_curves
        from dakota_wh.export.training import training_named

        return export_curves(self.path, training_named(self.path, runs), Path(output_dir))

    def analyze(
        self,
        orchestrator: str | None = None,
        trainer: str | None = None,
        *,
        output_dir: str | os.PathLike[str] = "wandb_analysis",
        entity: str | None = None,
        project: str | None = None,
        fetch: Fetch | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Analysis:
        """Analyze a training's rewards as the guide does; see :mod:`dakota_wh.export.analysis`.

        The runs are fetched where they are not stored; what is not named is taken from run_pairs.

        Raises:
            NothingFound: there is no such run, or none of the two holds a row.
            UsageProblem: it is not clear which runs are meant.
        """
        from dakota_wh.export.analysis import analyze
        from dakota_wh.export.training import the_training

        named = [run for run in (orchestrator, trainer) if run is not None]
        ids = iter(
            self.bring(*named, entity=entity, project=project, fetch=fetch, on_progress=on_progress)
            if named
            else ()
        )
        sides = [None if run is None else next(ids) for run in (orchestrator, trainer)]
        return analyze(self.path, the_training(self.path, *sides), Path(output_dir))

    def rebuild(self, *, on_progress: Callable[[Progress], None] | None = None) -> list[Landed]:
        """Make metrics, roles and the catalogue anew from the stored history, no source needed."""
        from dakota_wh.ingest.rebuild import rebuild

        return rebuild(self.path, on_progress=on_progress)


def _several(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given
