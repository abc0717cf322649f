"""Which server, and with which key: settled by us before W&B's client is built.

The client would ask on a terminal, would take any failure for a wrong key, and tells of a missing
one in words that no guide has. The key is only ever given to the client and to the one probe of
``probe.py``; :func:`without_key` takes it out of any words that come back.
"""

from __future__ import annotations

import netrc
import os
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dakota_wh.errors import NotSignedIn, UsageProblem

#: W&B's own service: its address now, and the older one that a .netrc may have.
DEFAULT_BASE_URL: Final = "https://api.wandb.ai"
_SERVICE_MACHINES: Final = ("api.wandb.ai", "api.forge.coreweave.com")

#: A key is at least this long; W&B refuses shorter ones before it asks the server.
MIN_KEY: Final = 40
#: What stands where the key was.
MASK: Final = "***"

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


def base_url() -> str:
    """Return the server's address from ``$WANDB_BASE_URL``, W&B's settings file, or the default.

    Raises:
        UsageProblem: it is no web address.
    """
    url = (os.environ.get("WANDB_BASE_URL") or _configured_url() or DEFAULT_BASE_URL).strip()
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port out of range, a bracket too few
        is_one = False
    if not is_one:
        raise UsageProblem(
            "WANDB_BASE_URL is no web address.", hint="Set it as in https://wandb.example.com"
        )
    if parts.username or parts.password:
        raise UsageProblem("WANDB_BASE_URL holds a user name or password.", hint="Leave it out.")
    return url.rstrip("/")


def sign_in(given_key: str | None = None) -> SignIn:
    """Return the server and the key: as given, else from the environment, else from ``.netrc``.

    Raises:
        NotSignedIn: there is no key, or it cannot be one.
        UsageProblem: the server's address is none.
    """
    url = base_url()
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
    return SignIn(url, key)


def is_secret(key: str) -> bool:
    """Tell whether a key is long enough to be known wherever it stands."""
    return len(key) >= 8


def without_key(text: str, key: str) -> str:
    """Return words without the key."""
    return text.replace(key, MASK) if is_secret(key) else text


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


def _configured_url() -> str | None:
    """Return ``base_url`` of the settings that ``wandb login --host`` wrote."""
    folder = os.environ.get("WANDB_CONFIG_DIR") or str(Path.home() / ".config" / "wandb")
    for path in (Path("wandb") / "settings", Path(folder) / "settings"):
        parser = ConfigParser(interpolation=None)
        try:
            parser.read(path, encoding="utf-8")
            url = parser.get("default", "base_url", fallback=None)
        except (Error, OSError, UnicodeDecodeError):
            continue
        if url:
            return url
    return None
