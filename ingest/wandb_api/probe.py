"""Why a server does not answer, found out by one plain request of our own.

W&B's client says "authentication failed" of a refused port and "the service is busy" of a rate
limit, a server that hangs, and a broken one alike. One request tells them apart; it is the request
that was not answered, sent once more after the client has given up, and waited for a few seconds.
"""

from __future__ import annotations

import base64
import codecs
import http.client
import json
import queue
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from dakota_wh.errors import NotSignedIn, SourceProblem, SourceUnreachable, WarehouseError
from dakota_wh.ingest.wandb_api.sign_in import SignIn

#: Seconds for a connection to be made.
CONNECT: Final = 5.0
#: Bytes of an answer that are looked at.
_LOOKED_AT: Final = 1 << 26
_TELL: Final = "Check the network and WANDB_BASE_URL, then ingest again; what was stored stays."
_LATER: Final = "Ingest again later; what was stored stays, and it goes on from there."


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that was not answered; by default, who the key belongs to."""

    query: str = "query Viewer { viewer { id } }"
    variables: Mapping[str, Any] = field(default_factory=dict)
    #: Seconds that the client waited for it, and that the probe may.
    waited: float = 0.0
    wait: float = CONNECT


def check_reachable(sign_in: SignIn) -> None:
    """Open a connection to the server and close it: a wrong port is told in no time.

    Raises:
        SourceUnreachable: nobody listens there, or the name is not known.
    """
    if urllib.request.getproxies().get(urlsplit(sign_in.base_url).scheme):
        return  # the way is through a proxy, which answers for the server
    parts = urlsplit(sign_in.base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT).close()
    except OSError as error:
        raise _no_connection(sign_in.host, error) from error


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: urllib would send the key on to whatever host a redirect names."""

    def redirect_request(self, *_: object) -> None:
        """Make the redirect an HTTPError."""


def why_silent(sign_in: SignIn, asked: Asked) -> WarehouseError | None:
    """Return why the server does not answer; None when it does answer this time.

    It takes ``asked.wait`` seconds at most, however slowly the answer comes.
    """
    found: queue.SimpleQueue[WarehouseError | None] = queue.SimpleQueue()

    def ask() -> None:
        found.put(_asked(sign_in, asked))

    # A socket's timeout is for each piece: a byte a second would go on for ever.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return found.get(timeout=asked.wait)
    except queue.Empty:
        return hangs(sign_in.host, asked.waited)


def _asked(sign_in: SignIn, asked: Asked) -> WarehouseError | None:
    """Send the request; return what is wrong with the answer."""
    token = base64.b64encode(f"api:{sign_in.key}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - http and https only, see sign_in.base_url
        f"{sign_in.base_url}/graphql",
        data=json.dumps({"query": asked.query, "variables": asked.variables}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Basic {token}"},
    )
    try:
        opener = urllib.request.build_opener(_Stay)
        with opener.open(request, timeout=asked.wait) as answer:
            if not _is_text(answer):
                return SourceProblem(
                    f"{sign_in.host} answers with bytes that are no UTF-8 text.",
                    hint="Ingest it again; if it stays so, tell who runs that server.",
                )
    except urllib.error.HTTPError as error:
        error.close()
        return by_status(sign_in.host, error.code, error.headers.get("Retry-After"))
    except urllib.error.URLError as error:
        reason = error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason))
        return _hangs_or_lost(sign_in.host, reason, asked.waited)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error if isinstance(error, OSError) else ConnectionResetError(str(error))
        return _hangs_or_lost(sign_in.host, reason, asked.waited)
    return None


def _is_text(answer: http.client.HTTPResponse) -> bool:
    """Tell whether an answer is UTF-8, as far as it is looked at."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    left = _LOOKED_AT
    try:
        while left > 0 and (piece := answer.read(1 << 16)):
            decoder.decode(piece)
            left -= len(piece)
    except UnicodeDecodeError:
        return False
    return True


def by_status(host: str, status: int, retry_after: str | None = None) -> WarehouseError | None:
    """Return the error that an HTTP status means; None for one that says nothing."""
    if status == 401:
        return NotSignedIn(
            f"{host} refused the key in WANDB_API_KEY (401).",
            hint="Set a valid one (wandb login), or name the server it is for: WANDB_BASE_URL.",
        )
    if status == 403:
        return NotSignedIn(
            f"{host} does not let this key read that (403).",
            hint="Ask for access, or use the key of an account that has it.",
        )
    if status == 429:
        seconds = _seconds(retry_after or "")
        pause = "" if seconds is None else f" and asks to wait {seconds} s"
        return SourceUnreachable(
            f"{host} limits the rate of requests (429){pause}.", hint=f"{_LATER} Fewer --jobs help."
        )
    if status >= 500:
        return SourceUnreachable(f"{host} has an error of its own ({status}).", hint=_LATER)
    if status in (404, 405, 301, 302, 303, 307, 308):
        return no_server(host, status)
    return None


def no_server(host: str, status: int) -> WarehouseError:
    """Return the error of a host that answers, but is none of W&B's."""
    return SourceProblem(
        f"{host} is no W&B server: it answers {status}.", hint="Check WANDB_BASE_URL."
    )


def hangs(host: str, waited: float) -> WarehouseError:
    """Return the error of a server that accepts and does not answer."""
    return SourceUnreachable(
        f"{host} takes connections but did not answer within {waited:.0f} s.", hint=_LATER
    )


def broken_off(host: str) -> WarehouseError:
    """Return the error of answers that end in the middle."""
    return SourceUnreachable(
        f"{host} broke its answer off in the middle, several times.", hint=_LATER
    )


def _seconds(retry_after: str) -> int | None:
    """Return the seconds that a Retry-After means, which may be a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after.strip()):
        return int(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
        return max(0, round((until - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None


def _hangs_or_lost(host: str, error: OSError, waited: float) -> WarehouseError:
    return hangs(host, waited) if isinstance(error, TimeoutError) else _no_connection(host, error)


def _no_connection(host: str, error: OSError) -> WarehouseError:
    if isinstance(error, socket.gaierror):
        words = f"The name of {host} is not known (no network, or a typing error)"
    elif isinstance(error, ConnectionRefusedError):
        words = f"{host} refused the connection: no server listens there"
    elif isinstance(error, ssl.SSLError):
        words = f"{host} has no valid certificate ({error.reason or 'TLS failed'})"
    elif isinstance(error, TimeoutError):
        words = f"{host} could not be reached within {CONNECT:.0f} s"
    elif isinstance(error, ConnectionError):
        words = f"{host} dropped the connection"
    else:
        words = f"{host} could not be reached: {error.strerror or error}"
    return SourceUnreachable(f"{words}.", hint=_TELL)
