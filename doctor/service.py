"""Whether W&B answers, and takes the key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dakota_wh.doctor.told import State, Told
from dakota_wh.errors import UsageProblem, WarehouseError
from dakota_wh.ingest.wandb_api.probe import CONNECT, Asked, check_reachable, why_silent
from dakota_wh.ingest.wandb_api.sign_in import sign_in, without_key

_ABOUT: Final = "service"


def look() -> Iterator[Told]:
    """Ask the server who the key belongs to; without a key nothing is asked."""
    try:
        signed = sign_in()
    except UsageProblem:
        return  # said among the settings
    except WarehouseError:
        yield Told(_ABOUT, "W&B", State.NOTE, "not asked, since there is no key")
        return
    try:
        check_reachable(signed)
        problem = why_silent(signed, Asked(waited=CONNECT))
    except WarehouseError as error:
        problem = error
    if problem is None:
        yield Told(_ABOUT, signed.host, State.OK, "answers, and takes the key")
        return
    what = without_key(problem.message, signed.key)
    yield Told(_ABOUT, signed.host, State.ERROR, what, problem.hint, problem.exit_code)
