"""Windows of steps: every row once, few requests, whatever the server holds back."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.ingest.wandb_api.live import ahead
from dakota_wh.ingest.wandb_api.page import Page
from dakota_wh.ingest.wandb_api.windows import FIRST, LARGE, MOST, ROWS, Windows


class Service:
    """Gives rows of a window, up to the samples and up to a cap of its own.

    They are the first ones, or some that are evenly picked, the first and the last among them.
    """

    def __init__(self, steps: list[int], cap: int | None = None, *, picks: bool = False) -> None:
        self.steps, self.cap, self.picks = steps, cap, picks
        self.row = '{"_step": %d, "loss": 0.5}'
        self.most = 0  # rows of the largest page

    def fetch(self, start: int, stop: int, samples: int) -> Page:
        found = self.steps[bisect_left(self.steps, start) : bisect_left(self.steps, stop)]
        most = min(samples, self.cap or samples)
        if self.picks and len(found) > most:
            found = [found[round(i * (len(found) - 1) / (most - 1))] for i in range(most)]
        self.most = max(self.most, len(found[:most]))
        return Page.of([self.row % step for step in found[:most]])


def walked(windows: Windows) -> list[int]:
    return [json.loads(row)["_step"] for page in windows.pages() for row in page.texts()]


def test_five_rows_over_a_million_steps_cost_one_request() -> None:
    steps = [0, 250_000, 500_000, 750_000, 999_999]
    windows = Windows(Service(steps).fetch, 0, 1_000_000, expected=5)
    assert walked(windows) == steps
    assert windows.requests == 1


def test_sparse_steps_cost_few_requests_where_nobody_counts_them() -> None:
    steps = [0, 250_000, 500_000, 750_000, 999_999]
    windows = Windows(Service(steps).fetch, 0, 1_000_000)
    assert walked(windows) == steps
    assert windows.requests <= 6


def test_a_dense_beginning_and_a_sparse_end() -> None:
    steps = [*range(20_000), *range(1_000_000, 1_000_000_000, 50_000_000)]
    windows = Windows(Service(steps).fetch, 0, 1_000_000_001, expected=len(steps))
    assert walked(windows) == steps
    assert windows.requests < 60


def test_a_dense_run_costs_a_request_per_page() -> None:
    windows = Windows(Service(list(range(20_000))).fetch, 0, 20_000, expected=20_000)
    assert walked(windows) == list(range(20_000))
    assert windows.requests <= 20_000 // ROWS + 2


@pytest.mark.parametrize("picks", [False, True])
@pytest.mark.parametrize("cap", [512, 777, 1_000, 1_024, 1_500])
@pytest.mark.parametrize("every", [1, 3])
def test_a_page_may_end_at_any_number_of_rows(cap: int, picks: bool, every: int) -> None:
    """Also at one that is not round, whichever rows the server then leaves out."""
    steps = list(range(0, 8_000 * every, every))
    windows = Windows(Service(steps, cap, picks=picks).fetch, 0, steps[-1] + 1, len(steps))
    assert walked(windows) == steps
    assert windows.requests <= 10 + 2 * len(steps) // cap


def test_a_limit_in_bytes_cuts_every_page_elsewhere() -> None:
    service = Service(list(range(6_000)))

    def fetch(start: int, stop: int, samples: int) -> Page:
        texts: list[str] = []
        size = 0
        for text in service.fetch(start, stop, samples).texts():
            text = text.replace("0.5", "0." + "5" * (1 + int(json.loads(text)["_step"]) % 700))
            size += len(text)
            if size > 200_000 and texts:
                break
            texts.append(text)
        return Page.of(texts)

    assert walked(Windows(fetch, 0, 6_000, 6_000)) == list(range(6_000))


def test_heavy_rows_come_a_few_at_a_time() -> None:
    """The first page is small; the next ones have as many rows as weigh what a page may."""
    service = Service(list(range(100)))
    service.row = '{"_step": %d, "text": "' + "x" * 1_000_000 + '"}'
    pages = [(page.rows, len(page.lines)) for page in Windows(service.fetch, 0, 100, 100).pages()]
    assert sum(rows for rows, _ in pages) == 100
    assert pages[0][0] == FIRST
    assert all(weight <= LARGE for _, weight in pages[1:])
    assert service.most == FIRST


def test_a_server_that_gives_less_than_it_is_asked_for_is_noticed() -> None:
    windows = Windows(Service(list(range(10_000)), cap=500).fetch, 0, 10_000, expected=10_000)
    assert walked(windows) == list(range(10_000))
    assert windows.cap == 500


@settings(max_examples=60)
@given(
    gaps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 7, 1_000, 100_000]), max_size=3 * ROWS),
    counted=st.booleans(),
    cap=st.sampled_from([None, 100, 1_000, MOST]),
)
def test_every_row_comes_once(gaps: list[int], counted: bool, cap: int | None) -> None:
    steps: list[int] = []
    at = -1
    for gap in gaps:
        at += gap
        steps.append(at)
    windows = Windows(Service(steps, cap).fetch, 0, at + 1, len(steps) if counted else None)
    assert walked(windows) == steps
    assert windows.requests < 40 + 4 * len(steps) // min(cap or ROWS, ROWS) + at // 1_000


def test_pages_that_nobody_wants_any_more_hold_up_nothing() -> None:
    """Where the collector ends them in the middle of a thread's start, a wait would never end."""
    lock = getattr(threading, "_shutdown_locks_lock", None)
    if lock is None:
        pytest.skip("this Python has no such lock")
    pages = [ahead(iter([1, 2, 3]))]
    assert next(pages[0]) == 1

    def collect() -> None:
        with lock:
            pages.clear()

    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    collector.join(20)
    assert not collector.is_alive()


def test_pages_come_in_order_and_errors_in_their_place() -> None:
    def made() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("third")

    assert list(ahead(iter([1, 2, 3]))) == [1, 2, 3]
    pages = ahead(made())
    assert [next(pages), next(pages)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(pages)
