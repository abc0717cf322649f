"""The live history by windows of steps: few requests where steps are sparse, none too large.

A page is asked for with a number of *samples*: where a window holds more rows than that, the
service picks among them. A page with as many rows as were asked for is therefore never taken as
it is, but asked for again by narrower windows. A step has one row, but may be given with several,
so more is asked for than there are steps.

A server may have a limit of its own, and nothing says so. One that gives the first rows of a window
loses nothing, since the next window begins behind the last row that came. One that picks among them
is found out by asking for both halves of a window, where a page has fewer rows than steps.

What a row weighs is not known either, so the first page is small.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from dakota_wh.ingest.wandb_api.page import Page

#: Rows that a page should have, and the most that are asked for at once.
ROWS: Final = 2_000
MOST: Final = 4 * ROWS
#: Rows that the first page should have, before it is known how many bytes a row has.
FIRST: Final = 50
#: Bytes that a page should have at most, where rows are heavy.
LARGE: Final = 16_000_000
#: How many times wider the next window may be.
_GROWTH: Final = 64
#: Rows that a page must have to be suspected, and how many times more than one that was checked.
_SUSPECT: Final = 16
_MORE: Final = 1.25
_STEP: Final = re.compile(rb'"_step"\s*:\s*([0-9]{1,18})(?=\s*[,}])')


#: ``(first step, step after the last, samples)`` to the rows.
FetchPage = Callable[[int, int, int], Page]


@dataclass(slots=True)
class Windows:
    """Walks over ``[start, stop)``; ``expected`` rows are somewhere in it, None: not known."""

    fetch: FetchPage
    start: int
    stop: int
    expected: int | None = None
    requests: int = 0
    #: The most rows that the server gives in a page, once it was seen to hold back.
    cap: int | None = None
    #: Rows that the next page should have.
    aim: int = FIRST
    _checked: int = 0  # rows of the fullest page that was found to be whole
    _before: int = 0  # rows of the last page that had fewer than its window has steps

    def pages(self) -> Iterator[Page]:
        """Yield the rows of one window after another, in the order of steps."""
        at, width = self.start, self._first_width()
        while at < self.stop:
            end = min(self.stop, at + width)
            page = self._ask(at, end)
            if page is None:
                width = self._narrower(end - at)
                continue
            end = _behind(page, at, end)
            if page.rows:
                self.aim = max(1, min(ROWS, LARGE * page.rows // max(1, len(page.lines))))
                yield page
            width = self._next_width(end - at, page.rows)
            at = end

    def _first_width(self) -> int:
        span = self.stop - self.start
        if self.expected is None or self.expected <= 0:
            return self.aim
        return max(self.aim, min(span, span * self.aim // self.expected))

    def _narrower(self, width: int) -> int:
        limit = min(self.cap or self.aim, self.aim)
        return min(limit, max(1, width // 2)) if width <= limit else limit

    def _next_width(self, width: int, rows: int) -> int:
        """Return a width that should give as many rows as are aimed at, by the last window."""
        most = width * _GROWTH
        if not rows:
            return most
        aim = self.aim if self.cap is None else min(self.aim, self.cap)
        wanted = max(1, min(most, width * aim // rows))
        if self.cap is not None and wanted > self.cap:
            return max(self.cap, wanted * 3 // 4)  # a page that is full is asked for again
        return wanted

    def _ask(self, start: int, stop: int) -> Page | None:
        """Return the rows of a window; None where it must be asked for in narrower ones."""
        width = stop - start
        samples = self._samples(width)
        page = self._page(start, stop, samples)
        if page.rows >= samples and width > 1:
            return None
        if self.cap is not None:
            return None if page.rows >= self.cap and width > self.cap else page
        if page.rows < width and self._is_suspicious(page.rows):
            return self._checked_page(start, stop, page)
        return page

    def _is_suspicious(self, rows: int) -> bool:
        """Tell whether a page may have been cut by the server: fuller than any, or as the last."""
        if rows < _SUSPECT or rows == self.expected:
            return False
        before, self._before = self._before, rows
        if rows <= self._checked:
            return False
        return rows % 100 == 0 or rows == before or rows > _MORE * self._checked

    def _checked_page(self, start: int, stop: int, page: Page) -> Page | None:
        """Ask for both halves of a window: together they have as many rows, or the page was cut."""
        middle = (start + stop) // 2
        halves = [(start, middle), (middle, stop)]
        both = [self._page(a, b, self._samples(b - a)) for a, b in halves]
        if sum(half.rows for half in both) <= page.rows:
            self._checked = page.rows
            return page
        self.cap = page.rows
        return None

    def _samples(self, width: int) -> int:
        """Return how many rows to ask for in a window of so many steps."""
        return min(2 * width + 100, max(4 * self.aim, 102))

    def _page(self, start: int, stop: int, samples: int) -> Page:
        self.requests += 1
        return self.fetch(start, stop, samples)


def _behind(page: Page, start: int, stop: int) -> int:
    """Return where the next window begins: behind the last row where that is known, else ``stop``.

    That some steps have no row is believed only of those before a row.
    """
    if not 0 < page.rows < stop - start:
        return stop
    steps = np.array(_STEP.findall(page.lines), dtype=np.int64)
    in_order = steps.size == page.rows and bool((steps[1:] >= steps[:-1]).all())
    if not in_order or not start <= steps[0] <= steps[-1] < stop:
        return stop
    return int(steps[-1]) + 1
