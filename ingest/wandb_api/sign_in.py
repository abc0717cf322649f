"""Which server, and with which key: settled by us before W&B's client is built.

The client would ask on a terminal, would take any failure for a wrong key, and tells of a missing
one in words that no guide has. The key is only ever given to the client and to the one probe of
``probe.py``; :func:`without_key` takes it out of any words that come back.
"""

from __future__ import annotations

import base64
import netrc
import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dakota_wh.errors import NotSignedIn, UsageProblem
from dakota_wh.ingest.wandb_api.server_address import the_server

#: W&B's own service: its address now, and the older one that a .netrc may have.
_SERVICE_MACHINES: Final = ("api.wandb.ai", "api.forge.coreweave.com")

#: A key is at least this long; W&B refuses shorter ones before it asks the server.
MIN_KEY: Final = 40
#: What stands where the key was.
MASK: Final = "***"

#: The keys that were given on the command line or from Python, in order.
_GIVEN: Final[dict[str, None]] = {}

_WAYS: Final = (
    "Set it in the environment or in .env (WANDB_API_KEY=…), or run: wandb login. Get a key at"
    " {authorize}. Local logs (wandb/ folders, .wandb files) and exports need no key."
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A server and the key for it. The key is in no ``repr``."""

    base_url: str
    key: str = field(repr=False)

    @property
    def host(self) -> str:
        """Return the server as a person knows it: ``host`` or ``host:port``."""
        return urlsplit(self.base_url).netloc


def sign_in(given_key: str | None = None) -> SignIn:
    """Return the server and the key: as given, else from the environment, else from ``.netrc``.

    Raises:
        NotSignedIn: there is no key, or it cannot be one.
        UsageProblem: the server's address is none, or no key is to be sent there.
    """
    server = the_server()
    url = server.url
    key = (given_key or os.environ.get("WANDB_API_KEY") or _netrc_key(url) or "").strip()
    ways = _WAYS.format(authorize=f"{web_address(url)}/authorize")
    if not key:
        raise NotSignedIn(
            f"WANDB_API_KEY not found, and {urlsplit(url).netloc} needs one.", hint=ways
        )
    if len(key) < MIN_KEY or any(c.isspace() or not c.isprintable() for c in key):
        raise NotSignedIn(
            f"WANDB_API_KEY is no key of W&B: it has {len(key)} characters, a key at least"
            f" {MIN_KEY} and no spaces.",
            hint=ways,
        )
    server.check_safe()
    return SignIn(url, key)


def remember(key: str | None) -> None:
    """Let this process know a key that was given to it, so that it is masked everywhere."""
    if key and is_secret(key.strip()):
        _GIVEN[key.strip()] = None


def known_keys() -> list[str]:
    """Return the keys of W&B that this process knows: given, of the environment, of ``.netrc``."""
    found = [*_GIVEN, os.environ.get("WANDB_API_KEY", "").strip()]
    with suppress(UsageProblem, OSError, RuntimeError):  # no server, no home
        found.append((_netrc_key(the_server().url) or "").strip())
    return [key for key in dict.fromkeys(found) if is_secret(key) and key.isprintable()]


def is_secret(key: str) -> bool:
    """Tell whether a key is long enough to be known wherever it stands."""
    return len(key) >= 8


def without_key(text: str, key: str) -> str:
    """Return words without the key, also where it stands in base64."""
    for form in forms(key):
        text = text.replace(form, MASK)
    return text


@lru_cache(maxsize=16)
def forms(key: str) -> tuple[str, ...]:
    """Return how a key may be written: plain, and in base64 (RFC 4648), whatever stands around it.

    A server that echoes ``Authorization: Basic`` shows the base64 of ``api:KEY``. There, three
    bytes become four characters, so that a key has three forms, by where it begins; each is what
    only the key decides. Those of the alphabet for addresses come besides, where they differ. None
    for what is no secret.
    """
    if not is_secret(key):
        return ()
    data = key.encode(errors="surrogateescape")
    found = [key]
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        text = base64.b64encode(bytes(before) + data).decode()[first:last]
        found += [text, text.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(found))


def web_address(url: str) -> str:
    """Return where the pages of a server are that a person opens."""
    return "https://wandb.ai" if urlsplit(url).netloc in _SERVICE_MACHINES else url


def _netrc_key(url: str) -> str | None:
    """Return the password of the machine ``host:port`` as in the base URL, as W&B looks it up."""
    place = os.environ.get("NETRC")
    paths = [Path(place)] if place else [Path.home() / ".netrc", Path.home() / "_netrc"]
    machine = urlsplit(url).netloc
    machines = _SERVICE_MACHINES if machine in _SERVICE_MACHINES else (machine,)
    for path in paths:
        try:
            found = netrc.netrc(path.expanduser())
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
        for name in machines:
            login = found.hosts.get(name)
            if login and login[2]:
                return login[2]
    return None
