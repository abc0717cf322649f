"""Which words name a place in an object store, and which one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from dakota_wh.errors import UsageProblem, how_to_add

#: The kinds of stores, and what has to be installed for each.
SCHEMES: Final = {
    "s3": how_to_add("s3"),
    "gs": "pip install gcsfs",
    "az": "pip install adlfs",
    "file": "pip install fsspec",
    "memory": "pip install fsspec",
}
#: The file in a folder that says that it is a store's mirror, and of which.
MIRROR: Final = ".dakota-wh/store.json"
#: Other names of the same.
_ALIASES: Final = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_EXAMPLE: Final = "Like: s3://bucket/prefix"
# One slash is what pathlib leaves of two.
_ADDRESS: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(//|/(?=[^/]))(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a store."""

    scheme: str
    #: Bucket and prefix without slashes at the ends; of ``file`` an absolute path.
    place: str

    @property
    def bucket(self) -> str:
        """The bucket or container."""
        return self.place.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}"


def is_address(text: str) -> bool:
    """Return whether the words name a place in a store, rather than a folder."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return False
    return found[2] == "//" or found[1].lower() in {*SCHEMES, *_ALIASES}


def parse(text: str) -> Address:
    """Return the place that an address names.

    Raises:
        UsageProblem: no such kind of store, no bucket, or a key, query or ``..`` in the address.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise UsageProblem(f"{text!r} is no address of a store.", hint=_EXAMPLE)
    scheme = found[1].lower()
    scheme = _ALIASES.get(scheme, scheme)
    place = found[3]
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in ("s3", "gs", "az"))
        raise UsageProblem(f"There is no kind of store {scheme}:// here.", hint=f"Known: {known}")
    if "@" in place.partition("/")[0]:  # not quoted: what stands before it may be a secret
        raise UsageProblem(
            f"An address of {scheme}:// has no credentials in it.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use ~/.aws.",
        )
    inner = place.rstrip("/")
    names = (inner[1:] if scheme == "file" else inner).split("/")
    if not inner or not all(names) or {".", ".."} & {*names}:
        raise UsageProblem(f"{text!r} names no bucket and prefix.", hint=_EXAMPLE)
    if not inner.isprintable() or any(sign in inner for sign in "?#*[]\\"):
        raise UsageProblem(f"{text!r} has signs that no key of a warehouse has.", hint=_EXAMPLE)
    if scheme == "file" and not inner.startswith("/"):
        raise UsageProblem(f"{text!r} is no absolute path.", hint="Like: file:///tmp/warehouse")
    return Address(scheme, inner)
