"""Small runs in stores, what any reader sees of them, and requests that go wrong when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.ingest.landed import Landed
from dakota_wh.store.address import parse
from dakota_wh.store.mirror import Mirror
from dakota_wh.store.objects import Objects
from tests.warehouse import kit

#: What changes a store.
WRITES = ("upload", "put", "create", "_delete")
READS = ("listed", "read", "download")


def ingest(place: str | Path, *what: Path, **options: Any) -> list[Landed]:
    """Ingest and insist that it went well."""
    landed = open_warehouse(place).ingest(*what, **options)
    assert [one.error for one in landed] == [None] * len(landed)
    return landed


def seen(place: str, cache: Path) -> dict[str, dict[str, kit.Rows]]:
    """Return what a reader with an empty cache of its own sees of each run, by view and run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAKOTA_WH_CACHE", str(cache))
        mirror = Mirror(parse(place))
        mirror.refresh(required=False)
        return kit.state(mirror.folder)


def objects(place: str) -> Objects:
    """Return what lies at an address."""
    return Objects(parse(place))


class Killed(BaseException):
    """What ends a writer that is killed."""


@contextmanager
def at_each(names: tuple[str, ...], act: Callable[[int, str, str], None]) -> Iterator[list[str]]:
    """Call ``act(number, request, key)`` before each request of some kinds; give those made."""
    made: list[str] = []

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def request(self: Objects, *args: Any) -> Any:
            key = next((arg for arg in reversed(args) if isinstance(arg, str)), "")
            made.append(f"{name} {key}")
            act(len(made) - 1, name, key)
            return real(self, *args)

        return request

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(Objects, name, watched(name, getattr(Objects, name)))
        yield made


def flip(place: str, key: str) -> None:
    """Turn a bit in the middle of an object."""
    there = objects(place)
    data = bytearray(there.read(key))
    data[len(data) // 2] ^= 1
    there.put(key, bytes(data))
