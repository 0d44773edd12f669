"""The bucket in the cloud: S3, Google Cloud Storage or Azure, through obstore."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import AlreadyExistsError

from byline.bucket.keys import check_key, readable
from byline.bucket.port import ObjectInfo
from byline.bucket.stores import failed, no_such_bucket, open_store, place_of, translated
from byline.errors import BucketError, ObjectMissing, UsageError

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ObjectStore

CHUNK = 1 << 20
"""Bytes handed to a reader at a time, or a little more."""

RANGE = 8 << 20
"""Bytes asked for at a time where an object is larger: a slow reader never keeps a request open."""

PUT_LIMIT = 5000 << 20
"""Largest object in bytes that one request can write, on Azure; S3's limit is a little higher. Only one request can be
create-only."""

_PAGE = 1000
_TIMEOUT = 60.0
_SLOWEST = 1 << 20
"""Bytes a second that a large put is given time for."""


class _Process:
    """obstore's threads do not survive a fork: a child's first call would wait for ever. So remember who used it
    first."""

    user: int | None = None


class CloudBucket:
    """``s3://bucket/prefix``, ``gs://…`` or ``az://container/prefix``. Keys are relative to the prefix.

    A put is one request with ``If-None-Match`` (or its like), never a multipart upload: obstore cannot make those
    create-only. So what is put from a stream is held in memory, 5,000 MiB at most.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        """``environ`` holds the cloud's usual variables (``AWS_…``, ``AZURE_…``, ``GOOGLE_…``)."""
        self._place = place_of(url)
        self._environ = environ
        self._usual_store = open_store(self._place, environ, timeout=_TIMEOUT)
        self.name = self._place.bucket

    def put(self, key: str, data: bytes | BinaryIO) -> bool:
        check_key(key)
        body = data if isinstance(data, bytes) else data.read(PUT_LIMIT + 1)
        if len(body) > PUT_LIMIT:
            raise UsageError(
                f"{key} is larger than {PUT_LIMIT >> 20} MiB", hint="Split it, best by lines, into several objects."
            )
        try:
            with translated(f"put {key}"):
                obstore.put(self._store(len(body)), key, body, mode="create", use_multipart=False)
        except BucketError as error:
            if isinstance(error.__cause__, AlreadyExistsError):
                return False
            raise
        return True

    @contextmanager
    def open(self, key: str) -> Generator[_OpenCloudObject]:
        yield self._opened(key)

    def _opened(self, key: str) -> _OpenCloudObject:
        if not readable(key):
            raise ObjectMissing(f"there is no object {key!r}", hint="No key of a bucket looks like that.")
        try:
            with translated(f"read {key}"):
                result = obstore.get(self._store(), key)
        except BucketError as error:
            missing = error.__cause__
            if isinstance(missing, FileNotFoundError) and not no_such_bucket(missing):
                hint = "It was never put, or somebody removed it from the bucket."
                raise ObjectMissing(f"there is no object {key}", hint=hint) from missing
            raise
        return _OpenCloudObject(self._store(), key, result)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        folder = prefix.rpartition("/")[0]
        offset = after if readable(after) else None
        if folder and not readable(folder):
            return
        with translated(f"list {self._place.scheme}://{self.name}"):
            for page in obstore.list(self._store(), folder or None, offset=offset, chunk_size=_PAGE):
                for meta in page:
                    key = meta["path"]
                    # The stores know prefixes that end in a slash only, and not all of them honour the offset.
                    if key.startswith(prefix) and key > after and readable(key):
                        yield _info(key, meta)

    def _store(self, size: int = 0) -> ObjectStore:
        """A store that gives a body of this size, in bytes, the time it needs."""
        if _Process.user is None:
            _Process.user = os.getpid()
        if _Process.user != os.getpid():
            raise BucketError(
                "a forked process cannot reach the bucket that its parent used", hint="Start it by spawn."
            )
        needed = size / _SLOWEST
        return self._usual_store if needed <= _TIMEOUT else open_store(self._place, self._environ, timeout=needed)


class _OpenCloudObject:
    def __init__(self, store: ObjectStore, key: str, result: GetResult) -> None:
        self._store = store
        self._key = key
        self._e_tag = result.meta["e_tag"]
        self._first: GetResult | None = result
        self.info = _info(key, result.meta)

    def __iter__(self) -> Iterator[bytes]:
        first, self._first = self._first, None
        if first is not None and self.info.size <= RANGE:
            yield from self._chunks(first)
            return
        del first  # closes the request for what comes in ranges now
        for start in range(0, self.info.size, RANGE):
            with translated(f"read {self._key}"):
                bounds = (start, min(start + RANGE, self.info.size))
                part = obstore.get(self._store, self._key, options={"range": bounds, "if_match": self._e_tag})
            yield from self._chunks(part)

    def _chunks(self, result: GetResult) -> Iterator[bytes]:
        with translated(f"read {self._key}"):
            stream = result.stream(min_chunk_size=CHUNK)
        while True:
            try:
                chunk = next(stream)
            except StopIteration:
                return
            except Exception as error:  # the stream raises obstore's errors and the system's
                raise failed(f"read {self._key}", error) from error
            yield bytes(chunk)


def _info(key: str, meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(key=key, size=meta["size"], last_modified=meta["last_modified"])
