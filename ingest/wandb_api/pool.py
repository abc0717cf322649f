"""Workers in parallel, one process and one client each, every task with a deadline.

A thread a worker sends tasks and reads results; a worker that is late is killed and replaced. The
caller's own thread hears the events, so that listeners need no lock.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dakota_wh.errors import NotSignedIn, WarehouseError
from dakota_wh.ingest.progress import OnProgress, ignore
from dakota_wh.ingest.wandb_api.messages import progress_from
from dakota_wh.ingest.wandb_api.private_folder import sweep_abandoned
from dakota_wh.ingest.wandb_api.process import (
    ClientEndedError,
    NotSignedInError,
    Task,
    Tell,
    WorkerProcess,
)
from dakota_wh.ingest.wandb_api.sign_in import SignIn

#: Number of the task, "progress", "result" or "error", and what belongs to that.
Events = queue.Queue[tuple[int, str, Any]]
#: Number of the task, then its result, or its error.
Done = tuple[int, Any, WarehouseError | None]


@dataclass(slots=True)
class _Round:
    """The tasks of one call of ``Pool.run``, and how many threads still do them."""

    todo: deque[tuple[int, Task]]
    serving: int
    events: Events = field(default_factory=queue.Queue)
    #: Why nobody can sign in: the other tasks need not try.
    refused: WarehouseError | None = None


@dataclass(slots=True)
class Pool:
    """Up to ``jobs`` workers for one server. Use it in a ``with`` block."""

    sign_in: SignIn
    timeout: float
    jobs: int
    _round: _Round | None = None
    _workers: list[WorkerProcess] = field(default_factory=list)
    _free: list[WorkerProcess] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def __enter__(self) -> Pool:
        """Start nothing yet: workers start with their first task."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every worker, whatever it does, and delete its folder."""
        with self._lock:
            self._closed = True
            if self._round is not None:
                self._round.todo.clear()
        for worker in self._workers:
            worker.close()

    def run(self, tasks: Sequence[Task], on_progress: OnProgress = ignore) -> Iterator[Done]:
        """Do all tasks; yield the outcome of each when it is there, in any order."""
        if not self._workers:
            sweep_abandoned()
        left = len(tasks)
        doing = self._round = _Round(deque(enumerate(tasks)), min(self.jobs, left))
        for _ in range(doing.serving):
            threading.Thread(target=self._serve, args=(doing,), daemon=True).start()
        while left:
            number, kind, value = doing.events.get()
            if kind == "progress":
                on_progress(progress_from(value))
                continue
            left -= 1
            yield (number, None, value) if kind == "error" else (number, value, None)

    def one(self, task: Task) -> Any:
        """Do one task and return its result.

        Raises:
            WarehouseError: it failed.
        """
        (_, result, error), *_ = self.run([task])
        if error is not None:
            raise error
        return result

    def _serve(self, doing: _Round) -> None:
        """Do tasks by one worker until none is left, or it cannot sign in and others can."""
        worker: WorkerProcess | None = self._take()
        while worker is not None:
            with self._lock:
                if not doing.todo:
                    doing.serving -= 1
                    self._free.append(worker)
                    return
                number, task = doing.todo.popleft()
            try:
                outcome = self._outcome(doing, worker, task, partial(_put, doing.events, number))
            except NotSignedInError as failed:
                worker.end()
                with self._lock:
                    worker = self._instead(doing, worker, failed.error)
                    if doing.refused is None:
                        doing.todo.appendleft((number, task))
                        continue
                outcome = "error", doing.refused
            doing.events.put((number, *outcome))

    def _instead(
        self, doing: _Round, worker: WorkerProcess, error: WarehouseError
    ) -> WorkerProcess | None:
        """Return who does the task of a worker that could not sign in; None: another thread.

        A key that is refused is so for all. A service that limits, or fails, at one sign-in may
        well go on to serve those that are signed in; only when nobody else is left it is the end.
        """
        signed_in = [one for one in self._free if one.is_signed_in]
        if isinstance(error, NotSignedIn):
            doing.refused = error
        elif signed_in:
            self._free.remove(signed_in[0])
            self._free.insert(0, worker)
            return signed_in[0]
        elif doing.serving > 1:
            doing.serving -= 1
            self._free.insert(0, worker)
            return None
        else:
            doing.refused = error
        return worker

    def _take(self) -> WorkerProcess:
        with self._lock:
            if self._free:
                return self._free.pop()
            worker = WorkerProcess(self.sign_in, self.timeout)
            self._workers.append(worker)
            if self._closed:
                worker.close()
            return worker

    def _outcome(
        self, doing: _Round, worker: WorkerProcess, task: Task, tell: Tell
    ) -> tuple[str, Any]:
        for attempt in (1, 2):
            if doing.refused is not None:
                break
            try:
                return "result", worker.do(task, tell)
            except NotSignedInError:
                raise
            except ClientEndedError as ended:
                worker.end()
                if attempt == 2:
                    return "error", ended.error
            except WarehouseError as error:
                return "error", error
            except Exception as error:  # a defect here must not leave the caller waiting
                return "error", WarehouseError(f"unexpected {type(error).__name__}: {error}.")
        return "error", doing.refused


def _put(events: Events, number: int, words: Mapping[str, Any]) -> None:
    events.put((number, "progress", words))


class Workers:
    """Workers that outlive one call, for one that asks again and again. Use it in ``with``."""

    def __init__(self) -> None:
        self._pool: Pool | None = None

    def __enter__(self) -> Workers:
        """Start nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        if self._pool is not None:
            self._pool.__exit__()

    def pool(self, sign_in: SignIn, timeout: float, jobs: int) -> Pool:
        """Return the pool of an earlier call, or a new one where something else is asked for."""
        known = self._pool
        if known and (known.sign_in, known.timeout, known.jobs) == (sign_in, timeout, jobs):
            return known
        self.__exit__()
        self._pool = Pool(sign_in, timeout, jobs)
        return self._pool
