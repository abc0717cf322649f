"""What W&B's client raises, said by its real name.

The client's own words are misleading where they matter: a refused port is an "authentication
error", and everything that takes too long is a "busy service process".
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dakota_wh.errors import (
    NoSuchSource,
    NotSignedIn,
    SourceProblem,
    SourceUnreachable,
    WarehouseError,
)
from dakota_wh.ingest.wandb_api.probe import (
    Asked,
    broken_off,
    by_status,
    hangs,
    no_server,
    why_silent,
)
from dakota_wh.ingest.wandb_api.sign_in import SignIn, without_key

_STATUS: Final = re.compile(
    r"\b(?:HTTP|status(?: code)?|returned error|error)[: ]+(\d{3})\b", re.IGNORECASE
)
_BROKEN: Final = re.compile(r"\bEOF\b|connection reset|broken pipe|unexpected end of JSON")
_SLOW: Final = re.compile(
    r"deadline exceeded|Client\.Timeout|i/o timeout|did not respond in time", re.IGNORECASE
)
_NETWORK: Final = re.compile(
    r"connection refused|no such host|network is unreachable|giving up after|TLS|x509|misbehaving",
    re.IGNORECASE,
)
_NO_JSON: Final = re.compile(r"invalid character|cannot unmarshal", re.IGNORECASE)
_REFUSED: Final = re.compile(
    r"not logged in|unauthorized|did not recognize an account|api key", re.IGNORECASE
)
_FORBIDDEN: Final = re.compile(r"permission|access denied|forbidden", re.IGNORECASE)
_MISSING: Final = re.compile(r"\bnot found\b|could not find", re.IGNORECASE)
_ENDED: Final = re.compile(r"service process is not running|mailbox", re.IGNORECASE)

_FULL: Final = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)

AGAIN: Final = "Ingest it again; what was stored stays."


class Kind(StrEnum):
    """What was asked for when something failed."""

    SIGN_IN = "sign-in"
    QUERY = "query"
    EXPORT = "export"  # the files of a history export, at addresses that the service gave
    FILE = "file"


class ClientEnded(SourceUnreachable):
    """W&B's helper process ended: this worker cannot go on, a new one can."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that W&B's client raised while it fetched ``about``."""

    words: str
    #: The HTTP status where the client tells it, else 0.
    status: int
    about: str
    asked: Asked = field(default_factory=Asked)
    kind: Kind = Kind.QUERY
    #: What to type next where the server says no and nothing better is known.
    hint: str = AGAIN

    @property
    def is_broken_off(self) -> bool:
        """Tell whether the answer ended in the middle, which the client does not try again."""
        return not self.status and _BROKEN.search(self.words) is not None

    def error(self, sign_in: SignIn) -> WarehouseError:
        """Return our error for it; the key is taken out of the words."""
        words = " ".join(without_key(self.words, sign_in.key).split())[:300]
        host = sign_in.host
        if _FULL.search(words):
            return WarehouseError(
                f"There is no space left for {self.about} in {os.environ.get('TMPDIR', 'TMPDIR')}.",
                hint="Free some there, or set TMPDIR to another folder, and ingest it again.",
            )
        found = _STATUS.search(words)
        told = by_status(host, self.status or (int(found[1]) if found else 0))
        if told is not None and not isinstance(told, SourceProblem):
            return self._about(told)
        if _ENDED.search(words):
            why = why_silent(sign_in, self.asked) if self.kind is Kind.QUERY else None
            if isinstance(why, SourceProblem):
                return self._about(why)
            return ClientEnded(f"W&B's client ended while it fetched {self.about}.", hint=AGAIN)
        broken, slow = _BROKEN.search(words), _SLOW.search(words)
        if broken or slow or _NETWORK.search(words):
            why = why_silent(sign_in, self.asked)
            if why is None and slow:
                why = hangs(host, self.asked.waited)
            return self._about(why or broken_off(host))
        return self._by_words(words, sign_in)

    def _by_words(self, words: str, sign_in: SignIn) -> WarehouseError:
        host = sign_in.host
        if _NO_JSON.search(words):
            return SourceProblem(
                f"{host} answered something that is not W&B's form, for {self.about}: {words}.",
                hint="Check WANDB_BASE_URL (a sign-in page of a proxy?), then ingest again.",
            )
        if _REFUSED.search(words):
            # The client follows redirects, without the key: then it is somebody else who refuses.
            why = why_silent(sign_in, self.asked) if self.kind is Kind.SIGN_IN else None
            return self._about(why or by_status(host, 401) or NotSignedIn(words))
        if _FORBIDDEN.search(words):
            return self._about(by_status(host, 403) or NotSignedIn(words))
        if _MISSING.search(words):
            if self.kind is Kind.SIGN_IN:
                return self._about(no_server(host, 404))
            if self.kind is Kind.EXPORT:
                return SourceProblem(
                    f"{host} names files of {self.about}, but they are not there (404).",
                    hint=f"The run may be exported anew just now. {AGAIN}",
                )
            return NoSuchSource(
                f"{host} has no {self.about}, or this key may not see it.",
                hint="Check entity, project and id.",
            )
        if self.kind is Kind.SIGN_IN and (why := why_silent(sign_in, self.asked)) is not None:
            return self._about(why)
        return SourceProblem(f"{host} could not give {self.about}: {words}.", hint=self.hint)

    def _about(self, error: WarehouseError) -> WarehouseError:
        return type(error)(f"Fetching {self.about}: {error.message}", hint=error.hint)
