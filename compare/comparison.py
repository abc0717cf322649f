"""What a comparison gives: tables, notes, and all of it as one document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dakota_wh.compare import configs
from dakota_wh.compare.alignment import part_means
from dakota_wh.compare.cautions import cautions
from dakota_wh.compare.of_groups import group_rows
from dakota_wh.compare.of_runs import run_differences
from dakota_wh.compare.records import (
    CurvePart,
    GroupDifference,
    GroupValue,
    Member,
    RunDifference,
    Score,
    SettingDifference,
)
from dakota_wh.compare.seeds import Resampling, iqm, iqms
from dakota_wh.compare.settings import Settings
from dakota_wh.compare.subjects import Subject, Subjects
from dakota_wh.compare.tables import Table
from dakota_wh.compare.windows import Aligned
from dakota_wh.errors import UsageProblem

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

#: A curve is told in so many parts of the common range.
PARTS: Final = 20
#: The names of the tables, as ``Comparison`` has them.
TABLES: Final = ("differences", "groups", "scores", "curves", "config", "trainings")


class Comparison:
    """How trainings, or groups of seeds, differ.

    As a result it is its ``differences``: ``rows()``, ``dicts()``, ``arrow()``, ``df()`` and
    ``pl()`` are theirs. The other tables: ``groups`` (what the seeds of each group reach; no rows
    for single runs), ``scores`` (what each training reaches), ``curves`` (part by part of the
    common range), ``config`` (settings that differ), ``trainings`` (who takes part). Their columns
    are described in :mod:`dakota_wh.compare.records`.
    """

    def __init__(
        self,
        subjects: Subjects,
        settings: Settings,
        aligned: Sequence[Aligned],
        configs_of: Mapping[str, configs.Config],
        missing: Mapping[str, int],
    ) -> None:
        self._subjects = subjects
        self._aligned = aligned
        self._configs = configs_of
        #: By run: steps that its own stride promises and that are not there.
        self._missing = missing
        #: How it was made.
        self.settings = settings
        #: Whether groups of seeds are compared, and not single trainings.
        self.grouped = subjects.grouped
        #: The subjects' names, the baseline first.
        self.subjects = [subject.name for subject in subjects.all]

    @cached_property
    def _resampling(self) -> Resampling:
        return Resampling(self.settings.resamples, self.settings.confidence, self.settings.seed)

    @cached_property
    def _group_rows(self) -> list[GroupValue | GroupDifference]:
        if not self.grouped:
            return []
        return [r for a in self._aligned for r in group_rows(a, self._subjects, self._resampling)]

    @cached_property
    def differences(self) -> Table:
        """Return each subject against the baseline: ``RunDifference`` or ``GroupDifference``."""
        if self.grouped:
            rows = [row for row in self._group_rows if isinstance(row, GroupDifference)]
            return Table(GroupDifference, rows)
        return Table(
            RunDifference,
            [
                row
                for aligned in self._aligned
                for row in run_differences(
                    aligned, self._subjects, self.settings.align, self.settings.confidence
                )
            ],
        )

    @cached_property
    def groups(self) -> Table:
        """Return what the seeds of each group reach, ``GroupValue``."""
        return Table(GroupValue, [row for row in self._group_rows if isinstance(row, GroupValue)])

    @cached_property
    def scores(self) -> Table:
        """Return what each training reaches, ``Score``."""
        return Table(Score, self._scores())

    def _scores(self) -> Iterator[Score]:
        for aligned in self._aligned:
            quantity = aligned.quantity
            for window, span in aligned.windows():
                for subject in self._subjects.all:
                    for training in subject.trainings:
                        logged = quantity.logged.get(training.training_id)
                        if logged is None:
                            continue
                        score, points = aligned.score(training.training_id, span)
                        yield Score(
                            metric=quantity.name,
                            kind=quantity.kind,
                            window=window,
                            subject=subject.name,
                            training=training.training_id,
                            run_id=logged.run_id,
                            logged_as=logged.metric,
                            score=score,
                            points=points,
                            nonfinite=aligned.left_out.get(training.training_id, (0, 0))[0],
                        )

    @cached_property
    def curves(self) -> Table:
        """Return each subject's values in 20 equal parts of the common range, ``CurvePart``."""
        parts = (
            row
            for aligned in self._aligned
            for subject in self._subjects.all
            for row in self._curve(aligned, subject)
        )
        return Table(CurvePart, parts)

    def _curve(self, aligned: Aligned, subject: Subject) -> Iterator[CurvePart]:
        names = [t.training_id for t in subject.trainings if t.training_id in aligned.curves]
        if aligned.span is None or not names:
            return
        spans = aligned.span.parts(PARTS)
        means = part_means([aligned.curves[name] for name in names], aligned.span, len(spans))
        for place, (span, column) in enumerate(zip(spans, np.array(means).T, strict=True)):
            scores = column[np.isfinite(column)]
            if not scores.size:
                continue
            low = high = None
            value = float(scores[0]) if scores.size == 1 else iqm(scores)
            if scores.size > 1:
                draws = self._resampling.draws(scores.size, aligned.quantity.name, subject.name)
                interval = self._resampling.interval(value, iqms(scores[draws]))
                low, high = interval.low, interval.high
            yield CurvePart(
                metric=aligned.quantity.name,
                kind=aligned.quantity.kind,
                part=place,
                begins=span.low,
                ends=span.high,
                subject=subject.name,
                seeds=int(scores.size),
                value=value,
                low=low,
                high=high,
            )

    @cached_property
    def config(self) -> Table:
        """Return the settings that differ, ``SettingDifference``: a row for each subject."""
        rows = [
            SettingDifference(difference.key, name, ", ".join(texts) if texts else None)
            for difference in configs.differences(self._subjects, self._configs)
            for name, texts in difference.texts.items()
        ]
        return Table(SettingDifference, rows)

    @cached_property
    def trainings(self) -> Table:
        """Return the runs that take part, ``Member``."""
        facts = set(Member.__dataclass_fields__)
        facts -= {"subject", "training", "run_id", "side", "gaps"}
        rows = [
            Member(
                subject=subject.name,
                training=training.training_id,
                run_id=run.run_id,
                side=run.side,
                gaps=self._missing.get(run.run_id, 0),
                **{name: run.facts[name] for name in facts},
            )
            for subject in self._subjects.all
            for training in subject.trainings
            for run in training.runs
        ]
        return Table(Member, rows)

    @cached_property
    def notes(self) -> list[str]:
        """Return what a reader must know beside the numbers, as sentences."""
        return cautions(
            self._subjects,
            self._aligned,
            self._missing,
            self.differences.records,
            self.settings.align,
            self.settings.confidence,
        )

    def table(self, name: str) -> Table:
        """Return a table by its name, one of ``TABLES``."""
        found = getattr(self, name, None) if name in TABLES else None
        if not isinstance(found, Table):
            raise UsageProblem(f"There is no table {name!r}.", hint=f"Give {', '.join(TABLES)}")
        return found

    def document(self) -> dict[str, Any]:
        """Return all of it as one JSON document."""
        settings = self.settings
        return {
            "baseline": self.subjects[0],
            "subjects": self.subjects,
            "grouped": self.grouped,
            "align": settings.align,
            "last": settings.last,
            "confidence": settings.confidence,
            "resamples": settings.resamples if self.grouped else None,
            "seed": settings.seed if self.grouped else None,
            "notes": self.notes,
            **{name: self.table(name).dicts() for name in TABLES},
        }

    @property
    def columns(self) -> list[str]:
        """The names of the columns of ``differences``."""
        return self.differences.columns

    @property
    def types(self) -> list[str]:
        """Their DuckDB types."""
        return self.differences.types

    def __len__(self) -> int:
        return len(self.differences)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.differences)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the differences as tuples."""
        return self.differences.rows()

    def dicts(self) -> list[dict[str, Any]]:
        """Return the differences as dicts by column name."""
        return self.differences.dicts()

    def arrow(self) -> pa.Table:
        """Return the differences as a ``pyarrow.Table``."""
        return self.differences.arrow()

    def df(self) -> pd.DataFrame:
        """Return the differences as a ``pandas.DataFrame``; pandas must be installed."""
        return self.differences.df()

    def pl(self) -> pl.DataFrame:
        """Return the differences as a ``polars.DataFrame``; polars must be installed."""
        return self.differences.pl()

    def __repr__(self) -> str:
        return f"<Comparison: {' and '.join(self.subjects)}, {len(self)} rows>"
