"""``byline put``: event files go into the bucket as they are, and are announced."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct

from byline.bucket.keys import event_key
from byline.bucket.port import Bucket
from byline.errors import Unreachable, UsageError
from byline.processor.form import look_at
from byline.queue.port import Announcement, Queue

_CHUNK = 1 << 20


class Laid(Struct, frozen=True):
    """Where a file went."""

    key: str
    new: bool
    """False where the bucket had these bytes already."""


def put(bucket: Bucket, queue: Queue, source: Path | BinaryIO | bytes) -> Laid:
    """Lay events into the bucket, byte for byte, and announce them.

    The key is made from the bytes: service and hour from the first event that can be read (else ``unknown``,
    1970-01-01), the id is their SHA-256, the ending tells what they are. So the same bytes twice are one object; they
    are announced each time, in case the first announcement was lost. A stream that cannot be rewound (a pipe) goes
    through a temporary file. Raises :class:`~byline.errors.UsageError` where the source cannot be read.
    """
    if isinstance(source, bytes):
        return _lay(bucket, queue, source, lambda: iter([source]), sha256(source).hexdigest())
    if isinstance(source, Path):
        with _opened(source) as file:
            return put(bucket, queue, file)
    if source.seekable():
        return _lay_file(bucket, queue, source)
    try:
        with tempfile.TemporaryFile() as spooled:
            for chunk in _chunks(source):
                spooled.write(chunk)
            return _lay_file(bucket, queue, spooled)
    except OSError as error:
        hint = "Free some space there, or set TMPDIR to another folder."
        raise Unreachable(
            f"cannot keep the events in {tempfile.gettempdir()} for now: {error.strerror or error}", hint=hint
        ) from error


def _lay_file(bucket: Bucket, queue: Queue, file: BinaryIO) -> Laid:
    hashed = sha256()
    for chunk in _chunks(file):
        hashed.update(chunk)
    digest = hashed.hexdigest()
    return _lay(bucket, queue, cast("BinaryIO", _Unchanged(file, digest)), lambda: _chunks(file), digest)


def _lay(
    bucket: Bucket, queue: Queue, data: bytes | BinaryIO, chunks: Callable[[], Iterator[bytes]], digest: str
) -> Laid:
    content = look_at(chunks())
    key = event_key(content.service, content.when, digest, content.suffix)
    new = bucket.put(key, data)
    queue.announce([Announcement(bucket.name, key)])
    return Laid(key, new)


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="Name the files in it.")
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(what: object, error: OSError) -> UsageError:
    return UsageError(f"cannot read {what}: {error.strerror or error}", hint="Name a file that can be read.")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    try:
        if file.seekable():
            file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk
    except OSError as error:
        raise _unreadable(getattr(file, "name", "the events"), error) from error


class _Unchanged:
    """A file that is read once more, and must be what it was when its key was made: else the object would lie under a
    wrong name."""

    def __init__(self, file: BinaryIO, digest: str) -> None:
        self._file = file
        self._digest = digest
        self._hashed = sha256()
        self._begun = False

    def read(self, size: int = -1) -> bytes:
        if not self._begun:
            self._file.seek(0)
            self._begun = True
        chunk = self._file.read(size)
        self._hashed.update(chunk)
        if not chunk and self._hashed.hexdigest() != self._digest:
            raise UsageError("the file changed while it was read", hint="Put it again when nobody writes to it.")
        return chunk
