"""The report as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from dakota_wh.plot.naming import shown
from dakota_wh.plot.page.document import ready, rendered
from dakota_wh.plot.reading import Reading
from dakota_wh.report.asking import Asking
from dakota_wh.report.overview import certificate, doubts, findings, overview
from dakota_wh.report.reward import components, reward
from dakota_wh.report.scope import scope
from dakota_wh.report.settings import settings
from dakota_wh.report.training import speed, training


def report_page(reading: Reading, runs: Sequence[str]) -> str:
    """Return the report on some runs; the partner of each is in it too.

    The file works from disk and asks nothing of a network. All numbers are those of the views;
    under each figure and table stands the SELECT that makes it.

    Raises:
        NoSuchRun, UsageProblem: a run is not here, or they are too many.
        WarehouseError: the extra is not installed.
    """
    ready()
    about = scope(reading, runs)
    asking = Asking(reading, about.runs)
    unsure = doubts(asking)
    sections = [
        overview(asking),
        certificate(asking),
        findings(asking),
        reward(asking, unsure),
        components(asking, unsure),
        training(asking, about, unsure),
        speed(asking, about, unsure),
        settings(asking, about),
    ]
    return rendered(
        "report.html",
        figures=[figure for section in sections for figure in section.figures],
        title=", ".join(shown(training.name, 80) for training in about.trainings),
        sections=sections,
        included=about.included,
        doubts=unsure.values(),
    )
