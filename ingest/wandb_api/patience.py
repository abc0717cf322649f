"""How long is waited for the service: one deadline a run, and what fits into it.

W&B's client is set by environment variables that it reads when it is imported; seconds are whole
numbers there, and 0 means its default of a quarter of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Seconds for one run, unless ``--timeout`` says otherwise.
DEFAULT_TIMEOUT: Final = 1800.0
#: Workers at once, unless ``--jobs`` says otherwise.
DEFAULT_JOBS: Final = 4
#: Seconds in which a worker must have loaded W&B's client.
START: Final = 120.0

_RETRIES: Final = 3
_LONGEST_ATTEMPT: Final = 30
_LONGEST_PAUSE: Final = 8


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a whole run may take; everything else follows from it."""

    timeout: float = DEFAULT_TIMEOUT

    @property
    def retries(self) -> int:
        """How often a failed request is sent again."""
        return _RETRIES if self.timeout >= 40 else 2

    @property
    def attempt(self) -> int:
        """Seconds for one attempt of a request."""
        return max(1, min(_LONGEST_ATTEMPT, int(self.timeout / 6)))

    @property
    def pause(self) -> int:
        """The longest pause between two attempts, in seconds, where the server names none."""
        return max(1, min(_LONGEST_PAUSE, int(self.timeout / 12)))

    @property
    def request(self) -> float:
        """Seconds for a request with all its attempts and pauses."""
        whole = (self.retries + 1) * self.attempt + self.retries * self.pause + 2
        return min(float(whole), max(2.0, self.timeout - 2 * self.probe))

    @property
    def probe(self) -> float:
        """Seconds for the one request that finds out why there was no answer."""
        return max(1.0, min(5.0, self.timeout / 6))

    def environment(self) -> dict[str, str]:
        """Return the variables that W&B's client reads, for the process that imports it."""
        return {
            "WANDB__GRAPHQL_RETRY_MAX": str(self.retries),
            "WANDB__GRAPHQL_RETRY_WAIT_MIN_SECONDS": "1",
            "WANDB__GRAPHQL_RETRY_WAIT_MAX_SECONDS": str(self.pause),
            "WANDB_HTTP_TIMEOUT": str(self.attempt),
            "WANDB__FILE_TRANSFER_RETRY_MAX": str(self.retries),
            "WANDB__FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS": "1",
            "WANDB__FILE_TRANSFER_RETRY_WAIT_MAX_SECONDS": str(self.pause),
            "WANDB__FILE_TRANSFER_TIMEOUT_SECONDS": str(max(self.attempt, int(self.timeout / 2))),
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
            "WANDB_QUIET": "true",
            "WANDB_MODE": "online",
        }
