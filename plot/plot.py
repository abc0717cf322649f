"""What ``Warehouse.plot`` gives: a chart that can be printed, saved, or shown in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dakota_wh.errors import UsageProblem
from dakota_wh.rendering.whole_file import replacing

if TYPE_CHECKING:
    from dakota_wh.plot.chart import Chart
    from dakota_wh.plot.smoothing import Smoothing

#: Suffixes that a chart can be saved under.
FORMATS: Final = ("png", "svg", "html")


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart and how to smooth it."""

    chart: Chart
    smoothing: Smoothing | None = None

    def text(self, *, width: int = 80, colour: bool = False, ascii_only: bool = False) -> str:
        """Return it for a terminal; see :func:`dakota_wh.plot.terminal.as_text`."""
        from dakota_wh.plot.terminal import as_ascii, as_text

        text = as_text(self.chart, width=width, colour=colour, smoothing=self.smoothing)
        return as_ascii(text) if ascii_only else text

    def svg(self) -> str:
        """Return it as SVG, on white."""
        from dakota_wh.plot.image import as_svg

        return as_svg(self.chart, self.smoothing)

    def png(self) -> bytes:
        """Return it as PNG, on white, two pixels for each point."""
        from dakota_wh.plot.image import as_png

        return as_png(self.chart, self.smoothing)

    def html(self) -> str:
        """Return it as a page that works from disk; see :mod:`dakota_wh.plot.page.document`."""
        from dakota_wh.plot.page.document import as_page

        return as_page(self.chart, self.smoothing)

    def save(self, path: str | Path) -> Path:
        """Write it in the format of the path's suffix: .png, .svg or .html.

        Raises:
            UsageProblem: another suffix.
            WarehouseError: the extra is not installed, or the folder is not there.
        """
        target = Path(path)
        kind = checked_suffix(target)
        if kind == "png":
            data = self.png()
        else:
            data = (self.svg() if kind == "svg" else self.html()).encode("utf-8")
        with replacing(target) as file:
            file.write(data)
        return target

    def _repr_svg_(self) -> str:
        return self.svg()


def checked_suffix(path: Path) -> str:
    """Return the format that a path's suffix names.

    Raises:
        UsageProblem: it names none.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise UsageProblem(
            f"What {path} should be cannot be told from its name.",
            hint="Call it .png, .svg or .html",
        )
    return kind
