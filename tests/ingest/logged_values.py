"""What ``write_with_sdk.py`` logs, so that the test which reads it back knows every value.

Both run this file; it imports nothing of ours.
"""

from __future__ import annotations

import math
from typing import Any

Row = dict[str, Any]

#: As the client writes the media of the same names.
IMAGE: Row = {
    "_type": "image-file",
    "path": "media/images/picture_9_0a1b.png",
    "sha256": "0a1b",
    "size": 68,
    "width": 1,
    "height": 1,
    "format": "png",
}
FLOATS = [
    0.1,
    1 / 3,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -0.0,
    0.30000000000000004,
    1e22,
    123456789.12345679,
    -1.5e-300,
]
KEYS = [
    "plain",
    "with/slash",
    "with.dot",
    "with=equals",
    "with'quote",
    'with"double"',
    "with%percent %41",
    "with blanks",
    " led by one",
    "ünïcode ☃ 奖励",
    "🦫",
    "Loss",
    "loss",
    "LOSS",
    "run_id",
    "Role",
    "role",
    "metric",
    "value",
    "filename",
    "select",
    "loss~2",
    "a;b--c",
    "<b>&amp;",
    "back\\slash",
    "new\nline",
    "tab\there",
    "$dollar {brace}",
    "*",
    "?[x]",
    "k" * 300,
]

ROWS: list[Row] = [
    *({"step": n, "every": n / 7, "count": n, "flag": n % 2 == 0} for n in range(5)),
    *({"float": value, "step": 5} for value in FLOATS),
    *(
        {"integer": value}
        for value in (0, -1, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63))
    ),
    *({"special": value} for value in (1.5, math.nan, math.inf, -math.inf)),
    {"none": None, "beside none": 1},
    {"beside none": 2},
    *({"text": value} for value in ("", "x", "NaN", "null", "1", "true", 'q"\\\n\té☃', "<&>")),
    {"long text": "ab" * 20_000},
    *({"list": value} for value in ([], [1, 2.5, None, "x", True], [[1], {"a": [2]}])),
    {"nested": {"a": 1, "b": {"c": 2.5, "d.e": "t"}}, "nested.a": 3},
    {"nested": {"b": {"c": -1.25}}},
    *({"mixed": value} for value in (1, 0.5, "text", None, True, [1], 2**53 + 1)),
    {key: n + 0.5 for n, key in enumerate(KEYS)},
    {key: n for n, key in enumerate(reversed(KEYS))},
    {"image": IMAGE},
]
