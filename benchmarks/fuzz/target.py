"""What is fuzzed: where its first inputs come from, how they are bent, and what one try does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Protocol

#: Bends a leaf of an input without a structure of its own: the fuzzer's, or :func:`bent`.
Bend = Callable[[bytes, Random], bytes]


class Lied(AssertionError):
    """The program gave an answer that the input contradicts."""


def must(holds: bool, text: str) -> None:
    """Raise :class:`Lied` unless something holds."""
    if not holds:
        raise Lied(text)


class Form(Protocol):
    """A structure of inputs, by which they are bent and made smaller."""

    def mutate(self, data: bytes, other: bytes, rng: Random, bend: Bend) -> bytes:
        """Return ``data`` changed in a place or a few; ``other`` is an input to take from."""
        ...

    def smaller(self, data: bytes, rng: Random) -> bytes:
        """Return ``data`` without some part of it."""
        ...


@dataclass
class Target:
    """A reader under attack."""

    name: str
    form: Form
    #: Makes the first inputs, once.
    first: Callable[[], Sequence[bytes]]
    #: Does one try. It may raise errors of the tree in ``dakota_wh.errors`` and nothing else.
    attempt: Callable[[bytes], None]
    #: Makes further first inputs, for long runs: it takes a while.
    more: Callable[[], Sequence[bytes]] = tuple

    @cached_property
    def seeds(self) -> Sequence[bytes]:
        """The first inputs."""
        return self.first()

    def mutate(self, data: bytes, rng: Random, bend: Bend) -> bytes:
        """Return ``data`` bent; an input that is none yet becomes one of the first."""
        other = rng.choice(self.seeds)
        if len(data) < 8:
            return other
        return self.form.mutate(data, other, rng, bend)


#: Numbers at which widths end, and beyond.
NUMBERS = (0, 1, 2, 127, 128, 16_383, 2**21, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**53 + 1,
           2**62, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip

#: Values as JSON texts, good, odd and broken.
TOKENS = (
    b"0", b"-0", b"1.0", b"-1", b"1e5", b"1e400", b"-1e400", b"1e-400", b"5e-324", b"NaN",
    b"Infinity", b"-Infinity", b"null", b"true", b"false", b'""', b'"text"', b"[]", b"{}",
    b"9007199254740993", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
    b"1" * 400, b"1" * 5000, b"0." + b"3" * 400, b"01", b"1.", b".5", b"+1", b"1_000", b"0x10",
    b'"\\ud800"', b'"\\ud83d\\ude00"', b'{"\\ud800":1}', b'"\\u0000"', b'"\xff"', b"\xff\xfe",
    b'{"_type":"histogram","bins":[0,1],"values":[2]}', b'{"_type":null}',
    b'{"a":{"b":[1,{"c":2}]}}',
    b'{"a":1,"a":2}', b"[" * 200, b"[" * 120 + b"]" * 120, b'{"a":' * 300 + b"1" + b"}" * 300,
    b"[" * 5000 + b"]" * 5000, b'"' + b"x" * 3000 + b'"', b'"NaN"', b" 1 ", b"'a'", b"(1,)", b"",
)  # fmt: skip

#: Keys and other short texts.
WORDS = (
    b"_step", b"_timestamp", b"_runtime", b"_wandb", b"_type", b"step", b"loss", b"Loss", b"LOSS",
    b"reward/mean", b"train/global_step", b"", b".", b"a.b", b"a", b"run_id", b"role", b"_row",
    b"_part", b"_segment", b"K::json", b"x~2", b"\x00", b"a\x00b", b"\xff", b"\xed\xa0\x80",
    "é☃\U0001f600".encode(), b"%2F", b"../../x", b'"', b"'", b"\n", b"\r\n", b"\\", b"k" * 300,
    b"format", b"filename", b"value", b"desc", b"keys", b"count",
)  # fmt: skip


def bent(data: bytes, rng: Random) -> bytes:
    """Return bytes with a few of them changed, left out, doubled or replaced by a known text."""
    raw = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(raw) + 1)
        stop = min(len(raw), at + rng.choice((1, 1, 2, 8, 40)))
        way = rng.randrange(5)
        if way == 0 and at < len(raw):
            raw[at] = rng.choice((0, 0xFF, raw[at] ^ (1 << rng.randrange(8)), rng.randrange(256)))
        elif way == 1:
            del raw[at:stop]
        elif way == 2:
            raw[at:at] = raw[at:stop] * rng.choice((1, 2, 30))
        else:
            raw[at : stop if way == 3 else at] = rng.choice(TOKENS if way == 3 else WORDS)
    return bytes(raw)


def without_span(data: bytes, rng: Random) -> bytes:
    """Return bytes without some that lie together, many or few."""
    if not data:
        return data
    length = max(1, len(data) >> rng.randrange(12))
    at = rng.randrange(len(data))
    return data[:at] + data[at + length :]
