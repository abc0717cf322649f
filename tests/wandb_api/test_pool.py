"""Who does which task when workers cannot sign in, by workers that follow a script."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.errors import NotSignedIn, SourceUnreachable, WarehouseError
from dakota_wh.ingest.wandb_api import pool as pool_module
from dakota_wh.ingest.wandb_api.pool import Done, Pool
from dakota_wh.ingest.wandb_api.process import ClientEndedError, NotSignedInError
from dakota_wh.ingest.wandb_api.sign_in import SignIn

BROKEN = SourceUnreachable("has an error of its own (500).")
REFUSED = NotSignedIn("refused the key (401).")


@dataclass
class Script:
    """What happens at each sign-in, whoever it is; afterwards ``then``."""

    sign_ins: Sequence[WarehouseError | None]
    then: WarehouseError | None = None
    lost: frozenset[int] = frozenset()  # the tasks at which W&B's client ends, the first time
    asked: Iterator[int] = field(default_factory=itertools.count)
    count: int = 0

    def sign_in(self) -> WarehouseError | None:
        """Return why this sign-in fails, None for one that does not."""
        number = next(self.asked)
        self.count = number + 1
        return self.sign_ins[number] if number < len(self.sign_ins) else self.then


class Scripted:
    """Stands for ``WorkerProcess``."""

    script: Script
    lost: set[int]

    def __init__(self, *_: object) -> None:
        self.is_signed_in = False
        self.at_once = threading.Lock()

    def do(self, task: dict[str, int], _: object) -> int:
        """Sign in if need be, and return the task's number."""
        assert self.at_once.acquire(blocking=False)  # a worker does one task at a time
        try:
            time.sleep(0.0005)  # so that others have their turn
            if not self.is_signed_in and (error := self.script.sign_in()) is not None:
                raise NotSignedInError(error)
            self.is_signed_in = True
            if task["number"] in self.lost:
                self.lost.remove(task["number"])
                raise ClientEndedError(BROKEN)
            return task["number"]
        finally:
            self.at_once.release()

    def end(self) -> None:
        """Forget the sign-in."""
        self.is_signed_in = False

    close = end


def run(script: Script, jobs: int, tasks: int) -> dict[int, Done]:
    """Return the outcome of each task."""
    kind = type("ThisScript", (Scripted,), {"script": script, "lost": set(script.lost)})
    with patch.object(pool_module, "WorkerProcess", kind), Pool(SignIn("", ""), 9, jobs) as pool:
        done = list(pool.run([{"number": number} for number in range(tasks)]))
    assert len(done) == tasks
    return {number: (number, result, error) for number, result, error in done}


def errors(done: dict[int, Done]) -> set[WarehouseError]:
    return {error for _, _, error in done.values() if error is not None}


def test_a_worker_that_cannot_sign_in_costs_no_task() -> None:
    script = Script([None, None, None], then=BROKEN)
    done = run(script, 4, 60)
    assert errors(done) == set()
    assert script.count == 4


def test_when_nobody_can_sign_in_it_is_the_end() -> None:
    script = Script([], then=BROKEN)
    done = run(script, 4, 60)
    assert (errors(done), [result for _, result, _ in done.values()]) == ({BROKEN}, [None] * 60)
    assert script.count == 4


def test_a_key_that_is_refused_is_so_for_all() -> None:
    script = Script([REFUSED])
    assert errors(run(script, 1, 60)) == {REFUSED}
    assert script.count == 1


def test_the_one_who_is_signed_in_takes_over() -> None:
    """The client of a worker ends, and its next one may not sign in; the other does its task."""
    for _ in range(20):  # whichever of the two is done first
        done = run(Script([None, None], then=BROKEN, lost=frozenset({1})), 2, 2)
        assert errors(done) == set()


def test_the_next_call_begins_anew() -> None:
    kind = type("ThisScript", (Scripted,), {"script": Script([BROKEN]), "lost": set()})
    with patch.object(pool_module, "WorkerProcess", kind), Pool(SignIn("", ""), 9, 1) as pool:
        [(_, _, error)] = pool.run([{"number": 0}])
        assert error is BROKEN
        assert pool.one({"number": 0}) == 0


@settings(max_examples=60)
@given(
    sign_ins=st.lists(st.sampled_from([None, BROKEN, REFUSED]), max_size=6),
    then=st.sampled_from([None, BROKEN]),
    lost=st.frozensets(st.integers(0, 7), max_size=3),
    jobs=st.integers(1, 4),
    tasks=st.integers(0, 8),
)
def test_every_task_has_one_outcome(
    sign_ins: list[Any], then: Any, lost: frozenset[int], jobs: int, tasks: int
) -> None:
    script = Script(sign_ins, then, lost)
    done = run(script, jobs, tasks)
    for number, result, error in done.values():
        assert (result == number) != (error is not None)
        assert error in (None, BROKEN, REFUSED)
    if not lost and REFUSED not in sign_ins and done and script.count > 0:
        served = None in [*sign_ins, then][: script.count]
        assert not served or not errors(done)  # who has signed in does what others cannot
