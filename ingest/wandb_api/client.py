"""The one door to W&B's client: nothing else of this program imports ``wandb``.

It is imported late (it costs seconds and 66 MB), after its retry variables are set, and only in a
process of its own, which the one that started it can end. One client serves all runs of a process.

GraphQL goes through ``Api._service_api.execute_graphql``, which is private: where a later client
has no such call, ``scan_history(use_cache=False)`` and ``api.run`` serve instead (slower, and the
types of whole floats are lost; both are said).
"""

from __future__ import annotations

import inspect
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from dakota_wh.errors import SourceProblem, SourceUnreachable, WarehouseError
from dakota_wh.ingest.wandb_api.failures import AGAIN, Failure, Kind
from dakota_wh.ingest.wandb_api.masking import mask_file, without_key_in
from dakota_wh.ingest.wandb_api.patience import Patience
from dakota_wh.ingest.wandb_api.probe import Asked
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.sign_in import SignIn, without_key
from dakota_wh.ingest.wandb_api.step_block import StepBlock

T = TypeVar("T")

#: How often something is asked for again whose answer broke off, and the first pause in seconds.
_TRIES: Final = 3
_PAUSE: Final = 0.5
#: Seconds below which nothing is asked for any more.
_LEAST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Exported:
    """Parquet files of a run's history, as far as the service has exported it."""

    paths: tuple[Path, ...]
    has_live_tail: bool


def load(sign_in: SignIn, patience: Patience, folder: Path) -> None:
    """Import ``wandb``, set by environment variables; ``folder`` is a private one, for its files.

    What it would keep for all processes of a user (a download cache that it poisons when a request
    fails, run folders) goes there as well.
    """
    os.environ.update(patience.environment())
    os.environ.update({"WANDB_API_KEY": sign_in.key, "WANDB_BASE_URL": sign_in.base_url})
    places = ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
    os.environ.update(dict.fromkeys(places, str(folder)))
    tempfile.tempdir = str(folder)
    import wandb  # noqa: F401


class Client:
    """W&B's client, signed in.

    Raises (every call):
        NotSignedIn: the key was refused, or may not read that.
        SourceUnreachable: the server does not answer, or not in time.
        SourceProblem: it answers what is not W&B's form.
    """

    def __init__(self, sign_in: SignIn, patience: Patience) -> None:
        """Sign in (one request); :func:`load` was called before."""
        import wandb
        from wandb.apis import public

        self._sign_in = sign_in
        self._patience = patience
        self._public = public
        #: Hears what is being fetched; the one that kills a late process names it.
        self.on_stage: Callable[[str], None] = lambda _: None
        #: When (``time.monotonic``) everything has to be over; None while nobody says.
        self.until: float | None = None
        self._api: Any = self._call(
            "the account of this key",
            lambda: wandb.Api(
                overrides={"base_url": sign_in.base_url},
                timeout=max(1, int(patience.request)),
                api_key=sign_in.key,
            ),
            kind=Kind.SIGN_IN,
        )

    @property
    def can_query(self) -> bool:
        """Tell whether this version of W&B's client has the private call as it is used here."""
        execute = getattr(getattr(self._api, "_service_api", None), "execute_graphql", None)
        return execute is not None and "parse" in inspect.signature(execute).parameters

    @property
    def timeout(self) -> float:
        """Return the seconds that a whole run may take."""
        return self._patience.timeout

    def default_entity(self) -> str:
        """Return the entity of the signed-in account (one request)."""
        entity = self._call("the account of this key", lambda: self._api.default_entity)
        if not entity:
            raise SourceProblem("This key's account has no entity.", hint="Give --entity E.")
        return str(entity)

    def query(self, text: str, variables: Mapping[str, Any], about: str, hint: str = AGAIN) -> str:
        """Send one GraphQL query; return the JSON text of its ``data`` as the server wrote it.

        ``hint`` is what to type next where the server says no.
        """
        execute = self._api._service_api.execute_graphql
        answer: str = self._call(
            about,
            lambda: execute(text, dict(variables), self._left(about), parse=str),
            Asked(text, variables),
            hint=hint,
        )
        if answer.strip() in ("", "null"):
            raise SourceProblem(
                f"{self._sign_in.host} answered without any data, for {about}.", hint=AGAIN
            )
        return self._masked(answer)  # a run may have logged its environment

    def download_exports(self, run: RunAddress, folder: Path) -> Exported:
        """Download the run's history exports into ``folder``, which is private and empty.

        An address may have run out between its being given and its use, so a file that fails is
        asked for once more with a new one. Part of a history is none.
        """
        about = f"the history export of run {run}"
        self.on_stage(about)
        began = time.monotonic()
        words = ""
        for attempt in range(2):
            place = folder / f"export-{attempt}"
            place.mkdir()
            export = partial(
                self._run(run).download_history_exports, place, require_complete_history=False
            )
            found = self._call(about, export, kind=Kind.EXPORT)
            if not found.errors:
                return Exported(tuple(map(Path, found.paths)), bool(found.contains_live_data))
            path, why = next(iter(found.errors.items()))
            count = f"{len(found.errors)} of {len(found.errors) + len(found.paths)} files failed"
            words = f"{count}, {Path(path).name}: {why}"
        asked = Asked(waited=time.monotonic() - began, wait=self._patience.probe)
        raise Failure(words, 0, about, asked, Kind.EXPORT).error(self._sign_in)

    def download(self, url: str, size: int, path: Path, about: str) -> str | None:
        """Download a file of a run, at an address that the service gave, to ``path``.

        Where the key stood in it, it does not any more, and what was the file's SHA-256 is
        returned; else None. It takes a sixth of a run's time at most, so that one that hangs costs
        no other.
        """
        from wandb.proto import wandb_api_pb2

        messages: Any = wandb_api_pb2  # made from a schema when it is imported
        service, longest = self._api._service_api, max(self._patience.timeout / 6, 1.0)

        def send() -> None:
            wanted = messages.DownloadFileRequest(path=str(path), url=url, size=size)
            left = self._left(about)
            limit = longest if left is None else min(longest, left)
            request = messages.ApiRequest(download_file_request=wanted)
            service.send_api_request(request, timeout=limit)

        self.on_stage(about)
        self._call(about, send, kind=Kind.FILE)
        return mask_file(path, self._sign_in.key)

    def _left(self, about: str) -> float | None:
        """Return the seconds that a request may take, None for as many as the client allows.

        Raises:
            SourceUnreachable: there is no time left to ask for anything.
        """
        if self.until is None:
            return None
        left = self.until - time.monotonic()
        if left < _LEAST:
            raise SourceUnreachable(
                f"There was no time left for {about}.", hint="Give it a longer --timeout."
            )
        return min(left, self._patience.request)

    def scan(self, run: RunAddress) -> Iterator[dict[str, Any]]:
        """Yield the history's rows by the public iterator: the way without the private call."""
        about = f"the history of run {run}"
        self.on_stage(about)
        rows = self._call(about, lambda: self._api.run(str(run)).scan_history(use_cache=False))
        while (row := self._call(about, lambda: next(rows, None))) is not None:
            clean: dict[str, Any] = json.loads(self._masked(json.dumps(row)))
            yield clean

    def attributes(self, run: RunAddress) -> dict[str, Any]:
        """Return what the query ``RUN`` gives, by public calls: the way without the private one."""
        self._api.flush()
        found = self._call(f"run {run}", lambda: self._api.run(str(run)))
        told: dict[str, Any] = dict(found._attrs)
        told["summaryMetrics"] = json.dumps(dict(found.summary_metrics))
        told["config"] = json.dumps({k: {"value": v} for k, v in found.rawconfig.items()})
        attributes: dict[str, Any] = json.loads(self._masked(json.dumps(told)))
        return attributes

    def masked(self, block: StepBlock) -> StepBlock:
        """Return rows without the key, which a run may have logged."""
        return without_key_in(block, self._sign_in.key)

    def _masked(self, text: str) -> str:
        return without_key(text, self._sign_in.key)

    def _run(self, run: RunAddress) -> Any:
        """Return W&B's object for a run without asking the server anything."""
        known = {"name": run.run_id, "state": "unknown"}
        if not self.can_query:
            return self._api.run(str(run))
        service = self._api._service_api
        return self._public.Run(
            service, run.entity or "", run.project, run.run_id, known, lazy=True
        )

    def _call(
        self,
        about: str,
        call: Callable[[], T],
        asked: Asked | None = None,
        *,
        kind: Kind = Kind.QUERY,
        hint: str = AGAIN,
    ) -> T:
        """Return what a call of the client returns; again where its answer broke off."""
        for attempt in range(_TRIES):
            began = time.monotonic()
            try:
                return call()
            except WarehouseError:
                raise
            except Exception as error:
                failure = self._failure(error, about, asked or Asked(), time.monotonic() - began)
                failure = replace(failure, kind=kind, hint=hint)
                if attempt + 1 == _TRIES or not failure.is_broken_off:
                    raise failure.error(self._sign_in) from error
                time.sleep(_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    def _failure(self, error: BaseException, about: str, asked: Asked, waited: float) -> Failure:
        """Gather the words of an error and of what caused it, and the HTTP status."""
        words: list[str] = []
        status, cause = 0, error
        while cause is not None:
            status = status or getattr(getattr(cause, "response", None), "http_status", 0) or 0
            said = str(cause) or type(cause).__name__
            if not words or said not in words[-1]:
                words.append(said)
            cause = cause.__cause__  # type: ignore[assignment]
        asked = Asked(asked.query, asked.variables, waited, self._patience.probe)
        return Failure(": ".join(words), status, about, asked)
