"""What lies under a key that may be the step: whole numbers, and what is none in a few rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dakota_wh.warehouse.column_names import KeyPath, printed
from dakota_wh.warehouse.history import StoredHistory
from dakota_wh.warehouse.metrics import RowSteps

#: A key stays an axis where at most this share of its rows hold no whole number: one evaluation at
#: step 10.5, one NaN. With more it counts something else, epochs for instance.
MOST_ODD: Final = 0.05


@dataclass(frozen=True, slots=True)
class StepValues:
    """A key's whole numbers by log row, and how many of its rows hold something else."""

    key: KeyPath
    steps: RowSteps
    #: Rows that hold something under the key.
    logged: int
    #: Those of them without a whole number: a fraction, NaN, a text, more than BIGINT holds.
    odd: int

    @property
    def counts(self) -> bool:
        """Whether the key counts in whole numbers; rows of something else have no step."""
        return self.logged > self.odd and self.odd <= MOST_ODD * self.logged

    @property
    def oddity(self) -> str:
        """What is odd about the values, in words; empty if nothing is."""
        if not self.odd:
            return ""
        return f"is no whole number in {self.odd} of {self.logged} rows"

    @property
    def left_out(self) -> list[str]:
        """The sentence for rows that have no step although the key is in them, if there are any."""
        return [f"{printed(self.key)} {self.oddity}, which have no step"] if self.odd else []


def read(history: StoredHistory, key: KeyPath) -> StepValues:
    """Return what was logged under a key, a logged None aside."""
    values, whole, odd = history.whole(key)
    steps = RowSteps(values, whole)
    return StepValues(key, steps, int(whole.sum()) + int(odd.sum()), int(odd.sum()))
