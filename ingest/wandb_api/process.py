"""One worker as the one who started it sees it: a process, a private folder, and a deadline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import SourceUnreachable, WarehouseError
from dakota_wh.ingest.wandb_api.children import kill_with_children
from dakota_wh.ingest.wandb_api.messages import error_from, line
from dakota_wh.ingest.wandb_api.patience import START, Patience
from dakota_wh.ingest.wandb_api.private_folder import PrivateFolder
from dakota_wh.ingest.wandb_api.probe import Asked, why_silent
from dakota_wh.ingest.wandb_api.sign_in import SignIn

_COMMAND: Final = (sys.executable, "-m", "dakota_wh.ingest.wandb_api.worker")
#: Seconds in which a process that has closed its output ends.
_ENDING: Final = 2.0
#: How a training process tells its children of its own ``wandb-core``, which is not for us.
_NOT_OURS: Final = ("WANDB_SERVICE",)

Task = Mapping[str, Any]
Tell = Callable[[Mapping[str, Any]], None]


class NotSignedInError(Exception):
    """A worker could not sign in; ``error`` says why."""

    def __init__(self, error: WarehouseError) -> None:
        super().__init__()
        self.error = error


class ClientEndedError(Exception):
    """A worker, or W&B's helper process in it, ended by itself; ``error`` says what it did."""

    def __init__(self, error: WarehouseError) -> None:
        super().__init__()
        self.error = error


class WorkerProcess:
    """One worker, started at its first task and again after it was ended, until it is closed."""

    def __init__(self, sign_in: SignIn, timeout: float) -> None:
        """Start nothing yet. ``timeout``: the seconds that a task may take."""
        self._sign_in = sign_in
        self._timeout = timeout
        self._running: subprocess.Popen[bytes] | None = None
        self._folder: PrivateFolder | None = None
        self._lock = threading.RLock()
        self._closed = False
        self._late = False
        self._stage = ""
        #: Whether it has signed in, since it was last started.
        self.is_signed_in = False

    def do(self, task: Task, tell: Tell) -> Any:
        """Do one task.

        Raises:
            WarehouseError: it failed, or was not done in time.
            NotSignedInError: the worker could not sign in.
            ClientEndedError: it ended by itself; another try may go well.
        """
        process, self._stage = self._started(), ""
        limit = self._limit(process, START)
        try:
            _write(process, task)
            for text in process.stdout or ():
                message = json.loads(text)
                if "ready" in message:
                    limit.cancel()
                    limit = self._limit(process, self._timeout)
                elif "stage" in message:
                    self._stage = message["stage"]
                elif "progress" in message:
                    tell(message["progress"])
                elif "result" in message:
                    self.is_signed_in = True
                    return message["result"]
                else:
                    self._raise(message)
        except (OSError, ValueError):
            pass  # it ended before it took the task, or in the middle of a line
        finally:
            limit.cancel()
        raise self._ended(process, task)

    def end(self) -> None:
        """Kill the process and delete what it left."""
        with self._lock:
            process, self._running = self._running, None
            folder, self._folder = self._folder, None
            self.is_signed_in = False
        if process is not None:
            kill_with_children(process, Path(tempfile.gettempdir()))
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    if stream is not None:
                        stream.close()
        if folder is not None:
            folder.remove()

    def close(self) -> None:
        """End it for good: whoever still waits for it starts no new one."""
        with self._lock:
            self._closed = True
        self.end()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._running is not None and self._running.poll() is None:
                return self._running
            self.end()
            if self._closed:
                raise WarehouseError("It was interrupted.", hint="Ingest it again.")
            self._late = False
            try:
                self._folder = PrivateFolder.make()
            except OSError as error:
                raise WarehouseError(
                    f"The temporary folder {tempfile.gettempdir()} cannot be used:"
                    f" {error.strerror or error}.",
                    hint="Make room there, or set TMPDIR to another folder.",
                ) from error
            self._running = subprocess.Popen(  # noqa: S603 - no word of a user's is in it
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("DAKOTA_WH_WORKER_STDERR") else subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # an interrupt is for the one who started it
            )
            setting = {
                "base_url": self._sign_in.base_url,
                "key": self._sign_in.key,
                "timeout": self._timeout,
                "folder": str(self._folder.path),
            }
            with suppress(OSError):  # one that ended at once is found out by its first task
                _write(self._running, setting)
            return self._running

    def _limit(self, process: subprocess.Popen[bytes], seconds: float) -> threading.Timer:
        """Kill the process after so many seconds, unless it is cancelled."""

        def kill() -> None:
            self._late = True
            kill_with_children(process, Path(tempfile.gettempdir()))

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        return timer

    def _raise(self, message: Mapping[str, Any]) -> None:
        words = message["error"]
        error = error_from(words)
        if not message["signed_in"]:
            raise NotSignedInError(error)
        self.is_signed_in = True
        if words["type"] == "ClientEnded":
            raise ClientEndedError(error)
        raise error

    def _ended(self, process: subprocess.Popen[bytes], task: Task) -> Exception:
        late = self._late
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_ENDING)  # its code says more than that it was killed
        self.end()
        about = self._stage or _about(task)
        if not late:
            words = f"The process that fetched {about} ended by itself ({process.wait()})."
            return ClientEndedError(WarehouseError(words, hint="Ingest it again."))
        why = why_silent(
            self._sign_in, Asked(waited=self._timeout, wait=Patience(self._timeout).probe)
        )
        reason = f" {why.message}" if why is not None else ""
        error = SourceUnreachable(
            f"Fetching {about} took longer than {self._timeout:g} s and was given up.{reason}",
            hint="Ingest it again, with a longer --timeout if it is large; what was stored stays.",
        )
        return error if why is None else type(why)(error.message, hint=error.hint)


def _environment() -> dict[str, str]:
    """Return the environment of a worker and of what it starts.

    The working folder is no place for modules (a ``json.py`` there is not to be run), and all use
    one temporary folder, which is not the one that is set where that cannot be written.
    """
    own = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    return {**own, "PYTHONSAFEPATH": "1", "TMPDIR": tempfile.gettempdir()}


def _write(process: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        process.stdin.write(line(message))
        process.stdin.flush()


def _about(task: Task) -> str:
    address = task.get("address") or task
    parts = (address.get("entity"), address.get("project"), address.get("run_id"))
    what = "/".join(part for part in parts if part)
    return f"run {what}" if address.get("run_id") else f"the runs of {what}"
