"""Serves the owner's two runs, for a look by hand: ``python -m tests.wandb_server.serve``."""

from __future__ import annotations

import sys
import time

from .owner_runs import DATA, owner_runs
from .server import Server


def main() -> None:
    """Serve until interrupted; the port is the argument, else any."""
    with Server(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as server:
        for run in owner_runs() if DATA.exists() else []:
            server.add_run(run)
        print(f"export WANDB_BASE_URL={server.url}", flush=True)
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
