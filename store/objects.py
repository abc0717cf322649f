"""The objects below an address: the few things that are asked of a store, through fsspec.

No listing is kept, nothing is renamed, and nothing is written under a name that was used before,
but by :meth:`Objects.put`, for what may be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from dakota_wh.errors import WarehouseError
from dakota_wh.store.address import SCHEMES, Address
from dakota_wh.store.trouble import NoStore, Vanished, code_of, speaking

A = TypeVar("A")
T = TypeVar("T")

#: Requests that are under way at once.
AT_ONCE: Final = 16
#: Seconds to wait for a connection, and for the next bytes of an answer.
_CONNECT, _READ = 5, 20
#: How often botocore asks again, and s3fs all of that. The worst case of a silent host is
#: 3 × 2 × _CONNECT seconds.
_ATTEMPTS, _ROUNDS = 3, 2
#: What S3 says to a conditional write of a name that is taken, or being taken.
_TAKEN: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, as a listing has it."""

    bytes: int
    #: When it was written, by the store's clock.
    modified: datetime


class Objects:
    """What lies below an address. Cheap to make; connects when it is first asked."""

    def __init__(self, address: Address) -> None:
        self.address = address
        # fsspec's stores in memory and on disk have absolute paths.
        rooted = address.scheme == "memory"
        self._base = f"/{address.place}" if rooted else address.place

    @cached_property
    def _files(self) -> Any:
        try:
            import fsspec

            with speaking(self.address):
                return _opened(fsspec, self.address.scheme)
        except ImportError as error:
            what = SCHEMES[self.address.scheme]
            raise WarehouseError(
                f"What speaks to {self.address.scheme}:// is not installed.", hint=what
            ) from error

    def listed(self, folder: str = "") -> dict[str, Entry]:
        """Return every object below a folder by its key; one request for each 1,000.

        Raises:
            NoSuchStore, StoreRefused, StoreUnreachable, StoreProblem: it cannot be listed.
        """
        files, path = self._files, self._path(folder)
        with speaking(self.address):
            if self.address.scheme == "s3":
                # With a prefix, an empty folder is no reason for s3fs to ask further.
                parent, _, leaf = path.partition("/")
                found = files.find(parent, prefix=f"{leaf}/" if leaf else "", detail=True)
            else:
                found = files.find(path, detail=True)
        start = len(self._base) + 1
        return {
            name[start:]: Entry(int(info["size"]), _moment(info))
            for name, info in found.items()
            if info.get("type") != "directory"
        }

    def read(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            Vanished: it is not there.
        """
        with speaking(self.address):
            data: bytes = self._files.cat_file(self._path(key))
            return data

    def download(self, key: str, path: Path) -> None:
        """Write an object's bytes to a file.

        Raises:
            Vanished: it is not there.
        """
        with speaking(self.address):
            self._files.get_file(self._path(key), str(path))

    def upload(self, path: Path, key: str) -> None:
        """Write a file under a name that nothing else has."""
        with speaking(self.address):
            self._files.put_file(str(path), self._path(key))

    def put(self, key: str, data: bytes) -> None:
        """Write an object whatever is there; a store shows it whole or not."""
        with speaking(self.address):
            self._files.pipe_file(self._path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object unless there is one of that name; return whether ours is there.

        The data must be nobody else's: a write that is sent again, its answer having been lost,
        finds its own.
        """
        try:
            with speaking(self.address):
                self._files.pipe_file(self._path(key), data, mode="create")
            return True
        except Exception as error:
            cause = error.__cause__ or error
            if not isinstance(cause, FileExistsError) and code_of(cause) not in _TAKEN:
                raise
        with suppress(Vanished):
            return self.read(key) == data
        return False

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, in whatever order; those that are not there are no error."""
        together(self._delete, keys)

    def _delete(self, key: str) -> None:
        with suppress(Vanished), speaking(self.address):
            self._files.rm_file(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._base}/{key}" if key else self._base


def together(work: Callable[[A], T], items: Iterable[A]) -> list[T]:
    """Do what waits for a store for each item, side by side; return the results in order.

    The first error is raised when those under way have ended.
    """
    waiting = list(items)
    if len(waiting) < 2:
        return [work(item) for item in waiting]
    with ThreadPoolExecutor(min(AT_ONCE, len(waiting))) as threads:
        running = [threads.submit(work, item) for item in waiting]
        try:
            return [one.result() for one in running]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def _opened(fsspec: Any, scheme: str) -> Any:
    if scheme == "s3":
        import s3fs
        from aiobotocore.session import get_session

        session = get_session()
        session.register("after-call.s3.ListObjectsV2", _must_be_a_listing)
        files = s3fs.S3FileSystem(
            session=session,
            use_listings_cache=False,
            skip_instance_cache=True,
            max_concurrency=1,  # else each read asks for the size first; files go side by side
            config_kwargs={
                "connect_timeout": _CONNECT,
                "read_timeout": _READ,
                "retries": {"mode": "standard", "total_max_attempts": _ATTEMPTS},
                "max_pool_connections": AT_ONCE,
            },
        )
        files.retries = _ROUNDS
        return files
    if scheme == "file":
        return fsspec.filesystem("file", auto_mkdir=True, use_listings_cache=False)
    if scheme == "memory":
        return fsspec.filesystem("memory")
    return fsspec.filesystem(scheme, use_listings_cache=False, skip_instance_cache=True)


def _must_be_a_listing(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Refuse an answer of code 200 that is no ``ListBucketResult``, as a proxy's page in XHTML.

    botocore takes any XML for one, and what lacks all its elements, as no body at all does, for the
    listing of an empty bucket. S3 has ``Name`` and ``IsTruncated`` in each (API reference,
    ListObjectsV2, response syntax).

    Raises:
        NoStore: it is none.
    """
    if http_response.status_code == 200 and not {"Name", "IsTruncated"} & {*parsed}:
        raise NoStore("an answer is no listing")


def _moment(info: dict[str, Any]) -> datetime:
    """Return when an object was written, which each of fsspec's stores calls otherwise."""
    for name in ("LastModified", "mtime", "updated", "last_modified", "created"):
        told = info.get(name)
        if isinstance(told, datetime):
            return told if told.tzinfo else told.replace(tzinfo=UTC)
        if isinstance(told, int | float):
            return datetime.fromtimestamp(told, UTC)
        if isinstance(told, str):
            return datetime.fromisoformat(told)
    return datetime.now(UTC)
