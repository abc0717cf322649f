"""What a store says when it does not do what it is asked, by its real name."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dakota_wh.errors import NoSuchStore, StoreProblem, StoreRefused, StoreUnreachable
from dakota_wh.store.address import Address

_KEYS: Final = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and ~/.aws."
_SETTINGS: Final = (
    "Check the address, AWS_ENDPOINT_URL (like https://host:9000) and AWS_DEFAULT_REGION."
)
_ENDPOINT: Final = "Check the network, and AWS_ENDPOINT_URL if the store is not Amazon's."
#: Classes of botocore and aiohttp by name, since neither is loaded for other stores.
_SILENT: Final = frozenset(
    {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "ConnectionError",
        "HTTPClientError",
        "ResponseStreamingError",
        "IncompleteReadError",
        "ClientConnectionError",
        "ClientPayloadError",
        "ServerTimeoutError",
        "TimeoutError",
    }
)
_KEYLESS: Final = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "ProfileNotFound",
        "TokenRetrievalError",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
    }
)
#: What a store says that cannot answer now. s3fs has its own words for some of them.
_BUSY: Final = frozenset(
    {
        *("InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "Throttling"),
        *(
            "ThrottlingException",
            "TooManyRequests",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
        ),
        *("429", "500", "502", "503", "504"),
    }
)
#: What no client can do anything with: an endpoint, a region or a bucket's name.
_NONSENSE: Final = frozenset({"ParamValidationError", "InvalidRegionError"})
#: What this machine's own disk says, in which no store has a part.
_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
_UNKNOWN_KEY: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)


class Vanished(FileNotFoundError):
    """An object is not there, or no more."""


class NoStore(OSError):
    """What answers at a store's address is something else."""


@contextmanager
def speaking(address: Address) -> Iterator[None]:
    """Turn what a store's client raises into errors of ours.

    Raises:
        Vanished: the object is not there.
        NoSuchStore: the bucket is not there.
        StoreRefused: no credentials, unknown ones, or not allowed.
        StoreUnreachable: no answer.
        StoreProblem: anything else of the store.
        OSError: this machine's disk is full or cannot be written.
    """
    try:
        yield
    except Vanished:
        raise
    except Exception as error:
        problem = _problem(address, error)
        if problem is None:
            raise
        raise problem from error


def _problem(address: Address, error: Exception) -> Exception | None:
    if isinstance(error, OSError) and error.errno in _DISK:
        return None
    names = {kind.__name__ for kind in type(error).__mro__}
    code = code_of(error)
    if code == "NoSuchBucket":
        return NoSuchStore(
            f"There is no bucket {address.bucket} for {address}.",
            hint="Check its name and AWS_ENDPOINT_URL; a bucket is not made by ingest.",
        )
    if isinstance(error, FileNotFoundError):
        return Vanished(f"{address}: {_said(error)}")
    if code in _UNKNOWN_KEY:
        return StoreRefused(f"{address} does not take these credentials ({code}).", hint=_KEYS)
    if isinstance(error, PermissionError):
        what = f" ({code})" if code else ""
        return StoreRefused(
            f"{address} may not be read or written with these credentials{what}.",
            hint="Ask for the right to list, get, put and delete there, or use another profile.",
        )
    if names & _KEYLESS:
        return StoreRefused(f"There are no credentials for {address}.", hint=_KEYS)
    if isinstance(error, NoStore):
        return StoreUnreachable(
            f"What answers for {address} is no object store: a page for a browser, say.",
            hint="Check AWS_ENDPOINT_URL (of S3, not of a console), or sign in to the network.",
        )
    if names & _SILENT:
        return StoreUnreachable(f"{address} does not answer: {_kind(error)}.", hint=_ENDPOINT)
    if code in _BUSY:
        return StoreUnreachable(
            f"{address} cannot answer now ({code}): {_said(error)}.", hint="Try it again later."
        )
    if names & _NONSENSE or (isinstance(error, ValueError) and "ndpoint" in str(error)):
        # What it says is not repeated: an endpoint may have a password in it.
        return StoreProblem(f"{address} cannot be asked ({type(error).__name__}).", hint=_SETTINGS)
    if "BotoCoreError" in names or "ClientError" in names or isinstance(error, OSError):
        return StoreProblem(f"{address} says: {_said(error)}.", hint="Try it again.")
    return None


def code_of(error: BaseException) -> str:
    """Return the store's own word for what is wrong, ``""`` where there is none."""
    for one in (error, error.__cause__, error.__context__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def _kind(error: Exception) -> str:
    kinds = {
        "EndpointConnectionError": "nothing can be connected to",
        "ConnectTimeoutError": "nothing can be connected to in time",
        "ReadTimeoutError": "its answer does not come in time",
    }
    return kinds.get(type(error).__name__, "the connection broke")


def _said(error: Exception) -> str:
    """Return the client's words, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200].rstrip(".")
