"""Windows of steps: every row once, few requests, whatever the server holds back."""

from __future__ import annotations

import json
from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.ingest.wandb_api.page import Page
from dakota_wh.ingest.wandb_api.windows import MOST, ROWS, Windows


class Service:
    """Gives the first rows of a window, up to the samples and up to a cap of its own."""

    def __init__(self, steps: list[int], cap: int | None = None) -> None:
        self.steps, self.cap = steps, cap

    def fetch(self, start: int, stop: int, samples: int) -> Page:
        found = self.steps[bisect_left(self.steps, start) : bisect_left(self.steps, stop)]
        most = min(samples, self.cap or samples)
        return Page.of([json.dumps({"_step": step}) for step in found[:most]])


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


def test_a_server_that_gives_less_than_it_is_asked_for_is_noticed() -> None:
    windows = Windows(Service(list(range(10_000)), cap=500).fetch, 0, 10_000, expected=10_000)
    assert walked(windows) == list(range(10_000))
    assert windows.cap == 500


@settings(max_examples=60, deadline=None)
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
