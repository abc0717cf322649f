"""Which server is W&B, who named it, and whether a key may be sent there."""

from __future__ import annotations

import os
from configparser import ConfigParser, Error
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dakota_wh.errors import UsageProblem
from dakota_wh.ingest.wandb_api.from_file import TAKEN

#: W&B's own service: its address now.
DEFAULT_BASE_URL: Final = "https://api.wandb.ai"

_NAME: Final = "WANDB_BASE_URL"
_ENVIRONMENT: Final = "the environment"


@dataclass(frozen=True, slots=True)
class Server:
    """A server's address, without a slash at its end."""

    url: str
    #: Who named it, in words: the environment, a file's path, the default.
    origin: str
    #: Whether that was a file of the working folder, which may have come with somebody's project.
    of_folder: bool = False

    def check_safe(self) -> None:
        """Raise UsageProblem where a key would go unencrypted to a host that a file here names.

        Loopback (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3) leaves no machine.
        """
        parts = urlsplit(self.url)
        if not self.of_folder or parts.scheme != "http" or _is_loopback(parts.hostname or ""):
            return
        raise UsageProblem(
            f"The key is not sent to {self.url}: {self.origin} names that server, and http would"
            " send the key unencrypted.",
            hint=f"Name it with https, or, where you trust it, in the environment: export {_NAME}="
            f"{self.url}",
        )


def the_server() -> Server:
    """Return the server of ``$WANDB_BASE_URL``, of W&B's settings files, or the default.

    Raises:
        UsageProblem: what is named is no web address.
    """
    named = _named()
    url = named.url.strip()
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port out of range, a bracket too few
        is_one = False
    by = "" if named.origin == _ENVIRONMENT else f" ({named.origin})"
    if not is_one:
        raise UsageProblem(
            f"WANDB_BASE_URL is no web address{by}.", hint="Set it as in https://wandb.example.com"
        )
    if parts.username or parts.password:
        raise UsageProblem(
            f"WANDB_BASE_URL holds a user name or password{by}.", hint="Leave it out."
        )
    return Server(url.rstrip("/"), named.origin, named.of_folder)


def _named() -> Server:
    url = os.environ.get(_NAME)
    if url:
        file = TAKEN.get(_NAME)
        return Server(url, str(file or _ENVIRONMENT), file is not None)
    own = os.environ.get("WANDB_CONFIG_DIR") or str(Path("~/.config/wandb").expanduser())
    places = ((Path("wandb"), True), (Path(own), "WANDB_CONFIG_DIR" in TAKEN))
    for folder, of_folder in places:
        url = _url_in(folder / "settings")
        if url:
            return Server(url, str((folder / "settings").absolute()), of_folder)
    return Server(DEFAULT_BASE_URL, "the default")


def _url_in(path: Path) -> str | None:
    """Return ``base_url`` of the settings that ``wandb login --host`` wrote."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        return parser.get("default", "base_url", fallback=None)
    except (Error, OSError, UnicodeDecodeError):
        return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False
