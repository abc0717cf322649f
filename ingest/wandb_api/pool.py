"""Workers in parallel, one process and one client each, every task with a deadline.

A thread a worker sends tasks and reads results; a worker that is late is killed and replaced. The
caller's own thread hears the events, so that listeners need no lock.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from dakota_wh.errors import SourceUnreachable, WarehouseError
from dakota_wh.ingest.progress import OnProgress, ignore
from dakota_wh.ingest.wandb_api.messages import error_from, line, progress_from
from dakota_wh.ingest.wandb_api.patience import Patience
from dakota_wh.ingest.wandb_api.probe import Asked, why_silent
from dakota_wh.ingest.wandb_api.sign_in import SignIn

#: Seconds in which a worker must have loaded W&B's client.
START: Final = 120.0

Task = Mapping[str, Any]
Tell = Callable[[Mapping[str, Any]], None]
#: Number of the task, "progress", "result" or "error", and what belongs to that.
Events = queue.Queue[tuple[int, str, Any]]
#: Number of the task, then its result, or its error.
Done = tuple[int, Any, WarehouseError | None]


@dataclass(slots=True)
class Pool:
    """Up to ``jobs`` workers for one server. Use it in a ``with`` block."""

    sign_in: SignIn
    timeout: float
    jobs: int
    _todo: deque[tuple[int, Task]] = field(default_factory=deque)
    _workers: list[_Process] = field(default_factory=list)
    _free: list[_Process] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    #: Why no worker can sign in: the other tasks need not try.
    _refused: WarehouseError | None = None

    def __enter__(self) -> Pool:
        """Start nothing yet: workers start with their first task."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every worker, whatever it does, and delete its folder."""
        self._todo.clear()
        for worker in list(self._workers):
            worker.end()

    def run(self, tasks: Sequence[Task], on_progress: OnProgress = ignore) -> Iterator[Done]:
        """Do all tasks; yield the outcome of each when it is there, in any order."""
        events: Events = queue.Queue()
        self._refused = None
        self._todo = deque(enumerate(tasks))
        for _ in range(min(self.jobs, len(tasks))):
            threading.Thread(target=self._serve, args=(self._todo, events), daemon=True).start()
        left = len(tasks)
        while left:
            number, kind, value = events.get()
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

    def _serve(self, todo: deque[tuple[int, Task]], events: Events) -> None:
        """Do tasks by one worker until none is left."""
        worker = self._take()
        while True:
            with self._lock:
                if not todo:
                    self._free.append(worker)
                    return
                number, task = todo.popleft()
            outcome = self._outcome(worker, task, partial(_put, events, number))
            events.put((number, *outcome))

    def _take(self) -> _Process:
        with self._lock:
            if self._free:
                return self._free.pop()
            worker = _Process(self.sign_in, self.timeout)
            self._workers.append(worker)
            return worker

    def _outcome(self, worker: _Process, task: Task, tell: Tell) -> tuple[str, Any]:
        for attempt in (1, 2):
            if self._refused is not None:
                return "error", self._refused
            try:
                return "result", worker.do(task, tell)
            except _NotSignedInError as refused:
                self._refused = refused.error
            except _ClientEndedError as ended:
                worker.end()
                if attempt == 2:
                    return "error", ended.error
            except WarehouseError as error:
                return "error", error
            except Exception as error:  # a defect here must not leave the caller waiting
                return "error", WarehouseError(f"unexpected {type(error).__name__}: {error}.")
        return "error", self._refused


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


class _NotSignedInError(Exception):
    def __init__(self, error: WarehouseError) -> None:
        super().__init__()
        self.error = error


class _ClientEndedError(_NotSignedInError):
    pass


class _Process:
    """One worker, started at its first task and again after it was ended."""

    def __init__(self, sign_in: SignIn, timeout: float) -> None:
        self._sign_in = sign_in
        self._timeout = timeout
        self._running: subprocess.Popen[bytes] | None = None
        self._folder: str | None = None
        self._late = False
        self._stage = ""

    def do(self, task: Task, tell: Tell) -> Any:
        """Do one task.

        Raises:
            WarehouseError: it failed, or was not done in time.
        """
        process, self._stage = self._started(), ""
        limit = self._limit(START)
        try:
            _write(process, task)
            for text in process.stdout or ():
                message = json.loads(text)
                if "ready" in message:
                    limit.cancel()
                    limit = self._limit(self._timeout)
                elif "stage" in message:
                    self._stage = message["stage"]
                elif "progress" in message:
                    tell(message["progress"])
                elif "result" in message:
                    return message["result"]
                else:
                    _raise(message)
        except OSError:
            pass  # it ended before it took the task
        finally:
            limit.cancel()
        raise self._ended(task)

    def end(self) -> None:
        """Kill the process and delete what it left."""
        process, self._running = self._running, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                try:
                    if stream is not None:
                        stream.close()
                except OSError:
                    pass
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._running is not None and self._running.poll() is None:
            return self._running
        self.end()
        self._late = False
        self._folder = tempfile.mkdtemp(prefix="dakota-wh-")
        self._running = subprocess.Popen(
            [sys.executable, "-m", "dakota_wh.ingest.wandb_api.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("DAKOTA_WH_WORKER_STDERR") else subprocess.DEVNULL,
            start_new_session=True,  # an interrupt is for the one who started it
        )
        setting = {
            "base_url": self._sign_in.base_url,
            "key": self._sign_in.key,
            "timeout": self._timeout,
            "folder": self._folder,
        }
        _write(self._running, setting)
        return self._running

    def _limit(self, seconds: float) -> threading.Timer:
        """Kill the process after so many seconds, unless it is cancelled."""
        process = self._running

        def kill() -> None:
            if process is not None:
                self._late = True
                process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        return timer

    def _ended(self, task: Task) -> Exception:
        late = self._late
        code = self._running.wait() if self._running is not None else 0
        self.end()
        about = self._stage or _about(task)
        if not late:
            words = f"The process that fetched {about} ended by itself ({code})."
            return _ClientEndedError(WarehouseError(words, hint="Ingest it again."))
        why = why_silent(
            self._sign_in, Asked(waited=self._timeout, wait=Patience(self._timeout).probe)
        )
        reason = f" {why.message}" if why is not None else ""
        error = SourceUnreachable(
            f"Fetching {about} took longer than {self._timeout:g} s and was given up.{reason}",
            hint="Ingest it again, with a longer --timeout if it is large; what was stored stays.",
        )
        return error if why is None else type(why)(error.message, hint=error.hint)


def _write(process: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        process.stdin.write(line(message))
        process.stdin.flush()


def _raise(message: Mapping[str, Any]) -> None:
    words = message["error"]
    error = error_from(words)
    if not message["signed_in"]:
        raise _NotSignedInError(error)
    if words["type"] == "ClientEnded":
        raise _ClientEndedError(error)
    raise error


def _about(task: Task) -> str:
    address = task.get("address") or task
    parts = (address.get("entity"), address.get("project"), address.get("run_id"))
    what = "/".join(part for part in parts if part)
    return f"run {what}" if address.get("run_id") else f"the runs of {what}"
