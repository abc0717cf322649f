"""A process that ingests runs with one client of its own: ``python -m …worker``, never by hand.

The first line on its stdin says how to sign in (so the key stands in no command line), each further
one is a task; each line on its stdout is progress or a result. Whatever W&B's client prints goes
nowhere. The process may be killed at any moment: a stored run stays as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from dakota_wh.errors import WarehouseError
from dakota_wh.ingest.wandb_api.client import Client, load
from dakota_wh.ingest.wandb_api.messages import error_words, line
from dakota_wh.ingest.wandb_api.patience import Patience
from dakota_wh.ingest.wandb_api.sign_in import SignIn, web_address, without_key
from dakota_wh.ingest.wandb_api.tasks import Worker


def main() -> None:
    """Serve tasks until stdin ends."""
    tasks, results = _own_channels()
    setting = json.loads(tasks.readline())
    sign_in = SignIn(setting["base_url"], setting["key"])
    folder, patience = Path(setting["folder"]), Patience(setting["timeout"])

    def send(message: Mapping[str, Any]) -> None:
        results.write(without_key(line(message).decode(), sign_in.key).encode())
        results.flush()

    worker: Worker | None = None
    for task in tasks:
        try:
            load(sign_in, patience, folder)
            send({"ready": True})
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
