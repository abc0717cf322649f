"""The live history by windows of steps: few requests where steps are sparse, none too large.

A page is asked for with a number of *samples*: where a window holds more rows than that, the
service picks among them. A page with as many rows as were asked for is therefore never taken as
it is, but asked for again by narrower windows. A step has one row, but may be given with several,
so more is asked for than there are steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from dakota_wh.ingest.wandb_api.page import Page

#: Rows that a page should have, and the most that are asked for at once.
ROWS: Final = 2_000
MOST: Final = 4 * ROWS
#: Characters of a page above which the next windows are made narrower.
LARGE: Final = 16_000_000
#: The windows of W&B's own client, which every server must answer in full.
SMALLEST: Final = 1_000
_GROWTH: Final = 8


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
    _checked: set[int] = field(default_factory=set)

    def pages(self) -> Iterator[Page]:
        """Yield the rows of one window after another, in the order of steps."""
        at, width = self.start, self._first_width()
        while at < self.stop:
            end = min(self.stop, at + width)
            page = self._ask(at, end)
            if page is None:
                width = self._narrower(end - at)
                continue
            if page.rows:
                yield page
            at = end
            width = self._next_width(width, page)

    def _first_width(self) -> int:
        span = self.stop - self.start
        if self.expected is None or self.expected <= 0:
            return ROWS
        return max(ROWS, min(span, span * ROWS // self.expected))

    def _narrower(self, width: int) -> int:
        limit = self.cap or ROWS
        return min(limit, max(1, width // 2)) if width <= limit else limit

    def _next_width(self, width: int, page: Page) -> int:
        if len(page.lines) > LARGE:
            return max(1, width // 2)
        if self.cap is not None and width <= self.cap and page.rows > self.cap // 2:
            return width
        return width * _GROWTH if page.rows <= ROWS // _GROWTH else width

    def _ask(self, start: int, stop: int) -> Page | None:
        """Return the rows of a window; None where it must be asked for in narrower ones."""
        width = stop - start
        samples = _samples(width)
        page = self._page(start, stop, samples)
        if page.rows >= samples and width > 1:
            return None
        if self.cap is not None:
            return None if page.rows >= self.cap and width > self.cap else page
        if self._is_suspicious(page.rows, width):
            return self._checked_page(start, stop, page)
        return page

    def _is_suspicious(self, rows: int, width: int) -> bool:
        """Tell whether a page looks cut by the server: a round number, and room for more."""
        return 0 < rows < width and rows % 100 == 0 and rows not in self._checked

    def _checked_page(self, start: int, stop: int, page: Page) -> Page | None:
        """Ask for both halves of a window: together they have as many rows, or the page was cut."""
        middle = (start + stop) // 2
        halves = [(start, middle), (middle, stop)]
        both = [self._page(a, b, _samples(b - a)) for a, b in halves]
        self._checked.add(page.rows)
        if sum(half.rows for half in both) <= page.rows:
            return page
        self.cap = page.rows
        return None

    def _page(self, start: int, stop: int, samples: int) -> Page:
        self.requests += 1
        return self.fetch(start, stop, samples)


def _samples(width: int) -> int:
    """Return how many rows to ask for in a window of so many steps."""
    return min(2 * width + 100, MOST)
