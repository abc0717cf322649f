"""The live history of one run: pages of JSON text into blocks, fetched one page ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.number_rows import number_columns
from dakota_wh.ingest.wandb_api.page import Page, read_page
from dakota_wh.ingest.wandb_api.queries import HISTORY_PAGE, SAMPLED_HISTORY
from dakota_wh.ingest.wandb_api.row_layout import RowReader
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.step_block import StepBlock, block_of
from dakota_wh.ingest.wandb_api.windows import LARGE, Windows

T = TypeVar("T")

#: A step beyond all: what the service names as the last one may be out of date, or nothing.
OPEN: Final = 2**62


@dataclass(slots=True)
class LiveHistory:
    """What ``HistoryPage`` gives of a run; entity and project of ``run`` are known."""

    client: Client
    run: RunAddress
    _reader: RowReader = field(default_factory=RowReader)

    def pages(self, start: int, stop: int, expected: int | None = None) -> Iterator[Page]:
        """Yield the rows with ``start <= _step < stop``, some at a time."""
        return ahead(Windows(self._page, start, stop, expected).pages())

    def pages_from(
        self, start: int, stop: int, expected: int | None, enough: int | None
    ) -> Iterator[Page]:
        """Yield the rows with ``start <= _step``, of which none should be beyond ``stop``.

        Where those before ``stop`` are fewer than ``enough``, or nobody says how many are
        (None), the rest is asked for as well: one request where there is nothing.
        """
        return ahead(self._from(start, stop, expected, enough))

    def _from(
        self, start: int, stop: int, expected: int | None, enough: int | None
    ) -> Iterator[Page]:
        rows = 0
        for page in Windows(self._page, start, stop, expected).pages():
            rows += page.rows
            yield page
        if enough is None or rows < enough:
            yield from Windows(self._page, max(start, stop), OPEN, 1).pages()

    def blocks(self, pages: Iterable[Page]) -> Iterator[StepBlock]:
        """Yield the rows of pages.

        Raises:
            SourceProblem: a row is no JSON object, or has no ``_step``.
        """
        for page in pages:
            yield self.block(page)

    def block(self, page: Page) -> StepBlock:
        """Return the rows of one page; see :meth:`blocks`."""
        where = f"The history of run {self.run}"
        try:
            columns = number_columns(page) or self._reader.columns(page.texts())
        except (ValueError, RecursionError) as error:
            raise SourceProblem(
                f"{where} has a row that is no JSON object: {error}.",
                hint="Ingest it again; what was stored stays.",
            ) from error
        return block_of(columns, where)

    def sampled(self, samples: int) -> Page:
        """Return so many rows, or fewer, that the service picks from the history."""
        where = {"entity": self.run.entity, "project": self.run.project, "name": self.run.run_id}
        about = f"samples of run {self.run}"
        answer = self.client.query(SAMPLED_HISTORY, {**where, "samples": samples}, about)
        return read_page(answer, about)

    def _page(self, start: int, stop: int, samples: int) -> Page:
        about = f"steps {start}-{stop - 1} of run {self.run}"
        run = self.run
        variables = {
            "entity": run.entity,
            "project": run.project,
            "run": run.run_id,
            "minStep": start,
            "maxStep": stop,
            "pageSize": samples,
        }
        return read_page(self.client.query(HISTORY_PAGE, variables, about), about)


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items of an iterator while the next one is being made by another thread."""
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        upcoming = pool.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = pool.submit(next, items, None)
            yield item
    finally:
        # Without a wait: where a reading failed, it is the collector who ends this, and maybe in
        # the middle of another thread's start, whose lock it takes to wait for a thread.
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class Spool:
    """Pages kept in a file until it is known what they amount to."""

    path: Path
    rows: int = 0

    def take(self, pages: Iterable[Page]) -> None:
        """Write pages, a row a line."""
        with self.path.open("wb") as file:
            for page in pages:
                self.rows += page.rows
                file.write(page.lines + b"\n")

    def pages(self, size: int = 2_000) -> Iterator[Page]:
        """Yield what was written, ``size`` rows at a time, fewer where they are heavy."""
        with self.path.open("rb") as file:
            while lines := list(_some(islice(file, size))):
                yield Page(b"".join(lines).removesuffix(b"\n"), len(lines))


def _some(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines until they weigh as much as a page may."""
    weight = 0
    for line in lines:
        yield line
        weight += len(line)
        if weight >= LARGE:
            return
