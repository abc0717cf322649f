"""A process that ingests runs with one client of its own: ``python -m …worker``, never by hand.

The first line on its stdin says how to sign in (so the key stands in no command line), each further
one is a task; each line on its stdout is progress or a result. Whatever W&B's client prints goes
nowhere. The process may be killed at any moment: a stored run stays as it was. It ends by itself
when its stdin does, since then the one who started it is gone, and when a task takes far too long.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from dakota_wh.errors import WarehouseError
from dakota_wh.ingest.wandb_api.children import children, kill_helpers
from dakota_wh.ingest.wandb_api.client import Client, load
from dakota_wh.ingest.wandb_api.messages import error_words, line
from dakota_wh.ingest.wandb_api.patience import START, Patience
from dakota_wh.ingest.wandb_api.sign_in import SignIn, web_address, without_key
from dakota_wh.ingest.wandb_api.tasks import Send, Worker
from dakota_wh.warehouse import heap
from dakota_wh.warehouse.arrow_alone import spare_pandas

#: Seconds after the deadline of a task in which the one who started this process should have
#: ended it; one that has not is stopped, or in trouble itself.
_GRACE: Final = 10.0


def main() -> None:
    """Serve tasks until stdin ends."""
    stdin, results = _own_channels()
    first = stdin.readline()
    if not first:
        return
    setting = json.loads(first)
    spare_pandas()
    heap.keep_flat()
    sign_in = SignIn(setting["base_url"], setting["key"])
    folder, patience = Path(setting["folder"]), Patience(setting["timeout"])
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(stdin, tasks, folder), daemon=True).start()

    def send(message: Mapping[str, Any]) -> None:
        results.write(without_key(line(message).decode(), sign_in.key).encode())
        results.flush()

    try:
        _serve(tasks, sign_in, patience, folder, send)
    except OSError:
        _end(folder)  # nobody hears it any more


def _serve(
    tasks: queue.SimpleQueue[bytes],
    sign_in: SignIn,
    patience: Patience,
    folder: Path,
    send: Send,
) -> NoReturn:
    worker: Worker | None = None
    while True:
        task = tasks.get()
        limit = _limit(START + patience.timeout + _GRACE, folder)
        try:
            load(sign_in, patience, folder)
            send({"ready": True})
            limit.cancel()
            limit = _limit(patience.timeout + _GRACE, folder)
            if worker is None:
                client = Client(sign_in, patience)
                client.on_stage = lambda words: send({"stage": words})
                worker = Worker(client, folder, web_address(sign_in.base_url), send)
            send({"result": worker.do(json.loads(task))})
        except WarehouseError as error:
            send({"error": error_words(error), "signed_in": worker is not None})
        except Exception as error:
            words = f"unexpected {type(error).__name__}: {error}. Please report it."
            send({"error": error_words(WarehouseError(words)), "signed_in": worker is not None})
        finally:
            limit.cancel()


def _listen(stdin: BinaryIO, tasks: queue.SimpleQueue[bytes], folder: Path) -> None:
    """Hand on the tasks; the end of them is the end of this process."""
    for task in stdin:
        tasks.put(task)
    _end(folder)


def _limit(seconds: float, folder: Path) -> threading.Timer:
    """End this process after so many seconds, unless it is cancelled."""
    timer = threading.Timer(seconds, _end, (folder,))
    timer.daemon = True
    timer.start()
    return timer


def _end(folder: Path) -> None:
    """End this process and its helper, whatever they do, and delete what they left."""
    kill_helpers(os.getpid(), children(os.getpid()), folder.parent)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _own_channels() -> tuple[BinaryIO, BinaryIO]:
    """Return stdin and stdout as ours alone: nobody else reads the one or prints to the other."""
    tasks = os.fdopen(os.dup(0), "rb")
    results = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    os.close(nowhere)
    return tasks, results


if __name__ == "__main__":
    main()
