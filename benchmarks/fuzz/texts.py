"""JSON and CSV bent by their words: values replaced, doubled, nested, left out."""

from __future__ import annotations

import re
from random import Random

from benchmarks.fuzz.target import TOKENS, WORDS, Bend, without_span

_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+0-9.eE]+|[A-Za-z_/][\w/.]*|[ \t\r\n]+|.', re.DOTALL)
_AROUND = ((b"[", b"]"), (b'{"a":', b"}"), (b'{"_type":', b"}"), (b'"', b'"'), (b"\n", b"\n"))


class TextForm:
    """The structure of a text: its words, as JSON has them and CSV nearly so."""

    def mutate(self, data: bytes, other: bytes, rng: Random, bend: Bend) -> bytes:
        """Return the text with some words changed."""
        if rng.random() < 0.08:
            return bend(data, rng)
        words = _WORD.findall(data)
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            if not words:
                return other
            _change(words, other, rng, bend)
        return b"".join(words)

    def smaller(self, data: bytes, rng: Random) -> bytes:
        """Return the text without some words, or a word without some bytes."""
        words = _WORD.findall(data)
        if not words:
            return b""
        at = rng.randrange(len(words))
        if rng.random() < 0.2:
            words[at] = without_span(words[at], rng)
        else:
            del words[at : at + max(1, len(words) >> rng.randrange(1, 12))]
        return b"".join(words)


def _change(words: list[bytes], other: bytes, rng: Random, bend: Bend) -> None:
    at = rng.randrange(len(words))
    stop = min(len(words), at + rng.choice((1, 1, 2, 4, 12)))
    way = rng.randrange(10)
    if way == 0:
        del words[at:stop]
    elif way == 1:
        words[at:at] = words[at:stop] * rng.choice((1, 1, 2, 50))
    elif way == 2:
        begin, end = rng.choice(_AROUND)
        times = rng.choice((1, 1, 2, 60, 100, 400, 3000))
        words[at:stop] = [begin * times, *words[at:stop], end * times]
    elif way == 3:
        more = _WORD.findall(other)
        begin_at = rng.randrange(len(more) or 1)
        words[at:stop] = more[begin_at : begin_at + rng.choice((1, 3, 10))]
    elif way == 4:
        words[at] = bend(words[at], rng)
    elif way == 5:
        words[at] = b'"' + rng.choice(WORDS) + b'"'
    elif way == 6:
        words.insert(at, rng.choice((b",", b"\n", b'"', b"{", b"}", b"[", b"]", b":", b"\r")))
    else:
        words[at] = rng.choice(TOKENS)
