"""JSON text of served values: 1 stays 1, 1.0 stays 1.0, and any number can be given as text."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Token:
    """A JSON value that is written exactly as spelled: ``Token("1e5")``, ``Token("-0.0")``."""

    text: str

    @property
    def value(self) -> Any:
        """Return what Python reads in the token."""
        return json.loads(self.text)


def json_text(value: Any) -> str:
    """Return the JSON text; floats that JSON lacks become the strings that W&B sends for them."""
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        return _by_hand(value)


def _by_hand(value: Any) -> str:
    if isinstance(value, Token):
        return value.text
    if isinstance(value, float) and not math.isfinite(value):
        return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(str(k))}:{_by_hand(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_by_hand, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
