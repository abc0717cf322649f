"""The Python face: ``dakota_wh.open(path)`` and what can be done with a warehouse.

Everything here is also a command of the same name, and the command line calls nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dakota_wh.errors import UsageProblem
from dakota_wh.sql.views import View, aliases, all_views, find_view
from dakota_wh.store.address import MIRROR, is_address, parse
from dakota_wh.warehouse.question import ask
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
    from dakota_wh.store.mirror import Mirror
    from dakota_wh.store.synced import Synced
    from dakota_wh.warehouse.findings import Finding
    from dakota_wh.warehouse.question import Engine

#: The folder that is meant when nobody names one.
DEFAULT_FOLDER: Final = "dakota-warehouse"


def open(path: str | os.PathLike[str] | None = None) -> Warehouse:  # noqa: A001 - dakota_wh.open
    """Return the warehouse at ``path``: by default ``$DAKOTA_WH_DIR``, else ./dakota-warehouse.

    It may be an address in an object store, ``s3://bucket/prefix``, which needs the extra ``s3``.
    Nothing is created or read until it is asked for something; ``ingest`` creates the folder.
    """
    place = os.fspath(path or os.environ.get("DAKOTA_WH_DIR") or DEFAULT_FOLDER)
    folder = Path(place).expanduser()
    if not is_address(place) and not _is_mirror(folder):
        return Warehouse(folder)
    from dakota_wh.store.mirror import Mirror, mirror_of

    mirror = Mirror(parse(place)) if is_address(place) else mirror_of(folder)
    return Warehouse(folder if mirror is None else mirror.folder, mirror)


def sync(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    delete: bool = False,
    dry_run: bool = False,
    on_outcome: Callable[[Synced], None] | None = None,
) -> list[Synced]:
    """Copy a warehouse between folders and object stores; see :mod:`dakota_wh.store.sync`."""
    from dakota_wh.store.sync import sync

    return sync(
        os.fspath(source), os.fspath(target), delete=delete, dry_run=dry_run, tell=on_outcome
    )


class Warehouse:
    """A warehouse, in a folder or in an object store. Cheap to make; holds nothing open."""

    def __init__(self, path: Path, mirror: Mirror | None = None) -> None:
        #: The folder, as given; of a warehouse in a store the mirror's, see :attr:`location`.
        self.path = path
        #: What fills that folder, of a warehouse in a store.
        self.mirror = mirror

    @property
    def location(self) -> str:
        """Where it lies: the folder, or the address in a store."""
        return str(self.path if self.mirror is None else self.mirror.address)

    def _here(self, runs: Sequence[str] = (), *, required: bool = True) -> Path:
        """Return the folder to read, with the rows of a store as they are now: some runs' or all.

        Raises:
            NotAWarehouse: the store holds none, unless none is ``required``.
        """
        if self.mirror is not None:
            self.mirror.refresh(runs or None, required=required)
        return self.path

    def whole(self) -> Path:
        """Return a folder that has all of the warehouse, for readers that are not of this program.

        Of a warehouse in a store it is a second mirror, which is brought up to date by this call
        and whole at every moment; else it is the warehouse's own.
        """
        if self.mirror is None:
            return self.path
        from dakota_wh.store.mirror import Mirror

        mirror = Mirror(self.mirror.address, whole=True)
        mirror.refresh()
        return mirror.folder

    @contextmanager
    def one_listing(self) -> Iterator[None]:
        """List a store once for all that is asked inside, until something is written to it."""
        mirror = self.mirror
        if mirror is None or mirror.one_listing:
            yield
            return
        mirror.changed()
        mirror.one_listing = True
        try:
            yield
        finally:
            mirror.one_listing = False
            mirror.changed()

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

        # What is stored already is looked up run by run, unless nobody else is asked.
        local_only = fetch is not None and fetch.local_only
        return ingest(
            self._here(required=False) if local_only else self.path,
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
            self._here(required=False),
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
        runs: str | Sequence[str] = (),
        role: str | None = None,
        metric: str | None = None,
        version: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
        memory_limit: str | None = None,
        engine: str | Engine = "duckdb",
        master: str | None = None,
    ) -> Result:
        """Return a view's rows; see :func:`dakota_wh.warehouse.question.ask` for the filters.

        ``runs`` is a run's id, or several. ``version`` is an older one of the view, ``timeout`` the
        seconds after which it is stopped, ``memory_limit`` a size as DuckDB writes it (``2GB``).
        ``engine`` is ``"duckdb"``, ``"spark"``, or one of your own making, such as
        ``dakota_wh.spark.engine.SparkEngine(session)``; ``master`` is Spark's, all cores of this
        machine by default.

        Raises:
            NoSuchView, NoSuchRun, UsageProblem: the name, a run, or a filter that the view has not.
            BadQuery: it takes too long or too much memory.
        """
        from dakota_wh.warehouse.query import answered

        answering = _engine(engine, master)
        view = find_view(name, version)
        question = ask(view, runs=tuple(_several(runs)), role=role, metric=metric, limit=limit)
        # The rows of the runs that are asked for do, where the view needs no others.
        root = self._here(question.runs if question.files_of_its_runs_do else ())
        return answered(root, question, timeout, answering, memory_limit)

    def sql(
        self,
        text: str,
        *,
        timeout: float | None = None,
        memory_limit: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Return the rows of one SELECT; see :func:`dakota_wh.warehouse.query.query_sql`.

        Raises:
            UsageProblem: it is no text.
            BadQuery: it is no SELECT, it fails, or it takes too long or too much memory.
        """
        if not isinstance(text, str):
            raise UsageProblem(f"SQL is text, not {type(text).__name__}.")
        from dakota_wh.warehouse.query import query_sql

        return query_sql(
            self._here(), text, timeout=timeout, memory_limit=memory_limit, limit=limit
        )

    def runs(self) -> Result:
        """Return the runs that are here, with how complete each is."""
        return self.query("runs")

    def views(self) -> list[View]:
        """Return the published views, newest version of each last."""
        return all_views()

    def views_sql(
        self, *names: str, dialect: str = "duckdb", scratch: str | None = None
    ) -> list[str]:
        """Return the statements that make views, and all below them, elsewhere; all by default.

        Args:
            names: views, plain or with a version.
            dialect: ``"duckdb"`` or ``"spark"``.
            scratch: for Spark: where what several views rest on is written.

        Raises:
            NotAWarehouse: the folder holds none.
            UsageProblem: there is no such view, or no such dialect.
        """
        from dakota_wh.warehouse.connection import check_is_warehouse
        from dakota_wh.warehouse.relations import create_statements, files_under

        root = self.whole()
        check_is_warehouse(root)
        wanted = [find_view(name) for name in names] or [find_view(name) for name in aliases()]
        newest = {relation: name for name, relation in aliases().items()}
        relations = [one.relation for one in wanted]
        both = [*relations, *(newest[one] for one in relations if one in newest)]
        if dialect == "spark":
            from dakota_wh.spark.session import import_spark

            import_spark()
            from dakota_wh.spark.script import script

            return script(root, both, scratch)
        if dialect != "duckdb":
            raise UsageProblem(f"There is no dialect {dialect!r}.", hint="Dialects: duckdb, spark")
        if scratch is not None:
            raise UsageProblem("Only Spark needs a scratch folder.", hint="Add --dialect spark")
        return list(create_statements(both, files_under(root.absolute())).values())

    def remove(self, run_id: str) -> None:
        """Delete a run from the warehouse, or what a killed removal left of it.

        Raises:
            NoSuchRun: it is not there.
        """
        from dakota_wh.ingest.removal import remove

        remove(self._here([run_id]), run_id)

    def must_be_removable(self, *run_ids: str) -> None:
        """Raise unless each run could be removed.

        Raises:
            NoSuchRun: one is not there.
        """
        from dakota_wh.ingest.removal import must_be_removable

        must_be_removable(self._here(run_ids), run_ids)

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
        from dakota_wh.store import pairing
        from dakota_wh.warehouse.connection import check_is_warehouse
        from dakota_wh.warehouse.query import known_runs

        root = self._here()
        check_is_warehouse(root)
        if remove:
            pairing.release(root, orchestrator, trainer)
            return True
        known_runs(root, [orchestrator, trainer])
        return pairing.fix(root, orchestrator, trainer)

    def check(
        self,
        *runs: str,
        require_nonzero: Sequence[str] = (),
        thresholds: Mapping[str, float] | None = None,
        timeout: float | None = None,
        memory_limit: str | None = None,
    ) -> list[Finding]:
        """Return what is odd about the runs; see :func:`dakota_wh.warehouse.checks.check`."""
        from dakota_wh.warehouse.checks import check

        return check(
            self._here(),
            runs,
            require_nonzero=require_nonzero,
            thresholds=thresholds,
            timeout=timeout,
            memory_limit=memory_limit,
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
            self._here(),
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
        with self.one_listing():
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
        with self.one_listing():
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
            self._here(required=False),
            what,
            entity=entity,
            project=project,
            fetch=fetch,
            on_progress=on_progress,
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

        root = self._here()
        check_is_warehouse(root)
        known_runs(root, runs)
        check_formats(formats)
        if name is not None and len(runs) > 1:
            raise UsageProblem(f"--name {name} names one run's files, but there are {len(runs)}.")
        folder = Path(output_dir)
        return (export_run(root, run, folder, formats, name=name, force=force) for run in runs)

    def export_curves(
        self,
        *runs: str,
        output_dir: str | os.PathLike[str] = "wandb_analysis",
        force: bool = False,
    ) -> Curves:
        """Write the curves and analyses of a training; see :mod:`dakota_wh.export.curves`.

        ``runs`` is one of its two runs, or both: the orchestrator, then the trainer. ``force``
        replaces the files of another training.

        Raises:
            NoSuchRun: one of them is not stored.
            UsageProblem: the runs are of no one training.
            WarehouseError: the folder holds the files of another training.
        """
        from dakota_wh.export.curves import export_curves
        from dakota_wh.export.training import training_named

        root = self._here()
        training = training_named(root, runs)
        return export_curves(root, training, Path(output_dir), force=force)

    def analyze(
        self,
        orchestrator: str | None = None,
        trainer: str | None = None,
        *,
        output_dir: str | os.PathLike[str] = "wandb_analysis",
        force: bool = False,
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
            WarehouseError: the folder holds the files of another training (``force`` replaces
                them).
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
        root = self._here()
        return analyze(root, the_training(root, *sides), Path(output_dir), force=force)

    def rebuild(self, *, on_progress: Callable[[Progress], None] | None = None) -> list[Landed]:
        """Make metrics, roles and the catalogue anew from the stored history, no source needed."""
        from dakota_wh.ingest.rebuild import rebuild

        return rebuild(self._here(), on_progress=on_progress)


def _is_mirror(folder: Path) -> bool:
    try:
        return (folder / MIRROR).is_file()
    except OSError as error:
        from dakota_wh.warehouse.access import not_readable

        raise not_readable(folder / MIRROR, error) from error


def _several(given: str | Sequence[str]) -> Sequence[str]:
    """Return what is named; one text is one name.

    Raises:
        UsageProblem: a name is no text.
    """
    names = [given] if isinstance(given, str) else [*given]
    for name in names:
        if not isinstance(name, str):
            raise UsageProblem(f"A name is text, not {type(name).__name__}: {name!r}.")
    return names


def _engine(engine: str | Engine, master: str | None) -> Engine | None:
    """Return what answers: None for the DuckDB of this process."""
    if engine == "spark":
        from dakota_wh.spark.session import import_spark

        import_spark()
        from dakota_wh.spark.engine import SparkEngine

        return SparkEngine(master=master)
    if master is not None:
        raise UsageProblem("Only Spark has a master.", hint="Ask for it: --engine spark")
    if isinstance(engine, str):
        if engine != "duckdb":
            raise UsageProblem(f"There is no engine {engine!r}.", hint="Engines: duckdb, spark")
        return None
    return engine
