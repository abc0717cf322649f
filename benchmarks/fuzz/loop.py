"""The process that tries: one target, until its time is over. Started by ``program.py``.

    python -m benchmarks.fuzz.loop TARGET FOLDER PLACE SECONDS [--plain] [--seed N]

``FOLDER`` gets the inputs that reached something new (``corpus/TARGET``) and one small input per
kind of fault (``faults``, each with its traceback). ``PLACE`` is for the files of a try, and gets
``done.json``: what was done so far, since libFuzzer ends the process without a word.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.fuzz.target import Target, bent

#: An input of libFuzzer may be so long.
_LONGEST: Final = 400_000
#: Tries between two looks at the clock.
_OFTEN: Final = 20
#: Tries between two collections of garbage, which libFuzzer would take for a leak.
_SELDOM: Final = 500


@dataclass
class Found:
    """What a process did and found; written to a file now and then, where one is named."""

    path: Path | None = None
    tries: int = 0
    faults: dict[str, int] = field(default_factory=dict)

    def write(self) -> None:
        """Write it."""
        if self.path is not None:
            self.path.write_text(json.dumps({"tries": self.tries, "faults": self.faults}))


def main() -> None:
    """Try inputs."""
    options = argparse.ArgumentParser()
    options.add_argument("target")
    options.add_argument("folder", type=Path)
    options.add_argument("place", type=Path)
    options.add_argument("seconds", type=float)
    options.add_argument("--plain", action="store_true")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    make = _import_targets(watched=not given.plain)[given.target]
    from benchmarks.fuzz.watch import limit_memory

    limit_memory()
    target, found = make(given.place), Found(given.place / "done.json")
    run = _plain if given.plain else _guided
    run(target, found, given.folder, given.seconds, given.seed)


def _import_targets(*, watched: bool) -> dict[str, Callable[[Path], Target]]:
    if watched:
        import atheris

        with atheris.instrument_imports(include=["dakota_wh"]):
            from benchmarks.fuzz.targets import TARGETS
    else:
        from benchmarks.fuzz.targets import TARGETS
    return TARGETS


def _plain(target: Target, found: Found, folder: Path, seconds: float, seed: int) -> None:
    """Bend the first inputs blindly."""
    end = time.monotonic() + seconds
    rng = Random(seed)
    while time.monotonic() < end:
        for _ in range(_OFTEN):
            data = rng.choice(target.seeds)
            for _ in range(rng.choice((1, 1, 2, 4))):
                data = target.mutate(data, rng, bent)
            attempt(target, data, found, folder)
    found.write()


def _guided(target: Target, found: Found, folder: Path, seconds: float, seed: int) -> None:
    """Let libFuzzer choose the inputs; it ends this process."""
    import atheris

    corpus = folder / "corpus" / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in (*target.seeds, *target.more()):
        (corpus / blake2b(data, digest_size=16).hexdigest()).write_bytes(data)

    def one(data: bytes) -> None:
        attempt(target, data, found, folder)
        if found.tries % _SELDOM == 0:
            gc.collect()

    def bend(data: bytes, rng: Random) -> bytes:
        if rng.random() < 0.5:
            return bent(data, rng)
        return bytes(atheris.Mutate(data, len(data) + 64))

    def custom(data: bytes, longest: int, number: int) -> bytes:
        rng = Random(number)
        return target.mutate(bytes(data), rng, bend)[:longest]

    def crossed(data: bytes, other: bytes, longest: int, number: int) -> bytes:
        rng = Random(number)
        return target.form.mutate(bytes(data), bytes(other), rng, bend)[:longest]

    words = [sys.argv[0], str(corpus), f"-max_total_time={int(seconds)}", f"-max_len={_LONGEST}",
             "-len_control=0", "-rss_limit_mb=0", "-timeout=120", f"-seed={seed or 1}",
             f"-artifact_prefix={folder}/crash-{target.name}-", "-print_final_stats=1"]  # fmt: skip
    atheris.Setup(words, one, custom_mutator=custom, custom_crossover=crossed)
    atheris.Fuzz()


def attempt(target: Target, data: bytes, found: Found, folder: Path | None) -> None:
    """Try one input and keep what is at fault, the smallest of its kind."""
    from benchmarks.fuzz.watch import judge

    # What is loaded and made at the first tries is not the input's.
    fault = judge(target, data, memory=found.tries > len(target.seeds) + 20)
    found.tries += 1
    if fault is not None:
        found.faults[fault.kind] = found.faults.get(fault.kind, 0) + 1
    if found.tries % _OFTEN == 0 or fault is not None:
        found.write()
    if fault is None:
        return
    if folder is None:
        return
    place = folder / "faults" / target.name
    place.mkdir(parents=True, exist_ok=True)
    path = place / blake2b(fault.kind.encode(), digest_size=8).hexdigest()
    if not path.exists() or path.stat().st_size > len(data):
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(f"{fault.kind}\n\n{fault.text}", errors="replace")


if __name__ == "__main__":
    main()
