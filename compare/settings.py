"""How a comparison is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dakota_wh.compare.alignment import AXES
from dakota_wh.errors import UsageProblem

#: The last window's share of the common range.
LAST: Final = 0.25
CONFIDENCE: Final = 0.95
RESAMPLES: Final = 10_000
_MOST_RESAMPLES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Axis, windows, confidence, and how seeds are drawn anew."""

    #: step, tokens or time.
    align: str = "step"
    #: The last window: this share of the common range, at its end.
    last: float = LAST
    confidence: float = CONFIDENCE
    #: Bootstrap samples of the seeds, and the seed of their draws.
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageProblem: an axis, a share, a confidence or a count that is none.
        """
        if self.align not in AXES:
            raise UsageProblem(
                f"Runs cannot be aligned on {self.align!r}.", hint=f"Give {', '.join(AXES)}"
            )
        if not 0.0 < self.last <= 1.0:
            raise UsageProblem(
                f"The last window cannot be {self.last:g} of the common range.",
                hint="Give a share above 0 and up to 1, such as 0.25",
            )
        if not 0.5 <= self.confidence <= 0.9999:
            raise UsageProblem(
                f"A confidence of {self.confidence:g} is none.", hint="Give one such as 0.95"
            )
        if not 100 <= self.resamples <= _MOST_RESAMPLES:
            raise UsageProblem(
                f"{self.resamples} resamples are too few or too many.",
                hint=f"Give 100 to {_MOST_RESAMPLES}",
            )
        if self.seed < 0:
            raise UsageProblem(f"A seed cannot be negative ({self.seed}).")
