"""What a bucket is: one small protocol, implemented by a durable folder and by obstore, held to one contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import BinaryIO, Protocol

from msgspec import Struct


class ObjectInfo(Struct, frozen=True):
    """What a listing tells of an object."""

    key: str
    size: int
    last_modified: datetime
    """Aware, UTC, as the bucket's own clock tells it."""


class OpenObject(Protocol):
    """An object being read, from its beginning, as a stream."""

    info: ObjectInfo

    def __iter__(self) -> Iterator[bytes]:
        """Chunks of the stored bytes, each at most 1 MiB or so."""


class Bucket(Protocol):
    """Where events rest: objects are written once and never edited.

    Raises :class:`~byline.errors.BucketError` when the bucket does not answer. All methods are safe from several
    threads.
    """

    name: str
    """What announcements call this bucket: the S3 bucket's name, or the folder's URL."""

    def put(self, key: str, data: bytes | BinaryIO) -> bool:
        """Write an object durably, create-only. True if it was written, False if the key was taken already (nothing is
        changed). Is idempotent: whoever repeats a put that failed half-way gets True or False, never half an object."""

    def open(self, key: str) -> AbstractContextManager[OpenObject]:
        """Raises :class:`~byline.errors.ObjectMissing`."""

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """In the order of keys (by code point), beginning behind ``after``; streamed. Temporary files are never among
        them."""
