"""Each setting that is in force, and where it came from. Secrets are masked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dakota_wh.doctor.told import State, Told
from dakota_wh.errors import NotSignedIn, WarehouseError
from dakota_wh.ingest.wandb_api.server_address import the_server
from dakota_wh.ingest.wandb_api.sign_in import sign_in

_ABOUT: Final = "settings"
_KEY: Final = "WANDB_API_KEY"
#: What the program, or W&B's client for it, reads from the environment.
_NAMES: Final = (
    "DAKOTA_WH_DIR",
    "DAKOTA_WH_CACHE",
    "DAKOTA_WH_CACHE_SIZE",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "WANDB_ENTITY",
    "WANDB_PROJECT",
    "WANDB_CONFIG_DIR",
    "NETRC",
    "NO_COLOR",
)
#: The name and password that an address may have (RFC 3986, section 3.2).
_USER: Final = re.compile(r"//[^/?#]*@")
#: A part of a name that says that its value is nobody's business.
_SECRET: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def look(location: str, typed: bool, from_file: Mapping[str, Path]) -> Iterator[Told]:
    """Yield the settings.

    Args:
        location: the warehouse's folder, or its address in a store.
        typed: whether it was given by ``--warehouse``.
        from_file: the variables that were taken from a ``.env`` file, and from which.
    """
    where = "--warehouse" if typed else _origin("DAKOTA_WH_DIR", from_file) or "the default"
    yield Told(_ABOUT, "warehouse", State.OK, f"{location}, from {where}")
    yield _server()
    yield _key(from_file)
    for name in _NAMES:
        origin = _origin(name, from_file)
        if origin:
            yield Told(_ABOUT, name, State.OK, f"{_shown(name)}, from {origin}")
    known = {*_NAMES, _KEY, "WANDB_BASE_URL"}
    others = sorted(n for n in os.environ if n.startswith(("DAKOTA_", "WANDB_")) and n not in known)
    if others:
        what = f"set as well, and not read by us: {', '.join(others)}"
        yield Told(_ABOUT, "environment", State.NOTE, what)


def _origin(name: str, from_file: Mapping[str, Path]) -> str:
    if not os.environ.get(name):
        return ""  # empty, or taken from a file and gone since
    return str(from_file.get(name, "the environment"))


def _shown(name: str) -> str:
    value = os.environ[name]
    return masked(value) if any(word in name for word in _SECRET) else _USER.sub("//***@", value)


def masked(secret: str) -> str:
    """Return a secret's length and nothing of it."""
    return f"*** ({len(secret)} characters)"


def _server() -> Told:
    try:
        server = the_server()
        server.check_safe()
    except WarehouseError as error:
        return Told(_ABOUT, "server", State.ERROR, error.message, error.hint, error.exit_code)
    return Told(_ABOUT, "server", State.OK, f"{server.url}, from {server.origin}")


def _key(from_file: Mapping[str, Path]) -> Told:
    try:
        signed = sign_in()
    except WarehouseError as error:
        if os.environ.get(_KEY) or not isinstance(error, NotSignedIn):
            return Told(_ABOUT, "key", State.ERROR, error.message, error.hint, error.exit_code)
        what = "no key of W&B found; local logs and exports need none"
        return Told(_ABOUT, "key", State.NOTE, what, error.hint)
    origin = _origin(_KEY, from_file) or ".netrc"
    return Told(_ABOUT, "key", State.OK, f"{masked(signed.key)}, from {origin}")
