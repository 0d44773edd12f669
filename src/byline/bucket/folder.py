"""The bucket that is a folder: every object a file, durable when ``put`` returns.

An object is written into a hidden folder, fsynced, linked to its name (which never replaces anything), and the folder
is fsynced too. A crash at any point leaves the whole object or none. A put into a folder that this process knows costs
two fsyncs.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from byline.bucket import disk
from byline.bucket.keys import check_key, readable
from byline.bucket.port import ObjectInfo
from byline.bucket.walk import info_of, walk
from byline.errors import BucketError, ObjectMissing

CHUNK = 1 << 20
"""Bytes read and written at a time."""

_TEMPORARY = ".tmp"
_ABANDONED_AFTER = 3600.0
"""Seconds without a write after which an unfinished file belongs to a process that died."""


class FolderBucket:
    """A folder of the local file system, shared by any number of processes. Needs hard links, as every POSIX file
    system has."""

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().resolve()
        self._known: set[tuple[str, ...]] = set()
        self._rooted = False
        self.name = self._root.as_uri()
        self._sweep()

    def put(self, key: str, data: bytes | BinaryIO) -> bool:
        *parts, name = check_key(key).split("/")
        with self._writable(key, parts) as (root, folder):
            with disk.translated(f"put {key}"):
                if _exists(name, folder, key):
                    # Whoever put it may have died before the folder was durable.
                    disk.sync(folder)
                    return False
            with self._written(root, data) as (unfinished, temporary), disk.translated(f"put {key}"):
                try:
                    os.link(unfinished, name, src_dir_fd=temporary, dst_dir_fd=folder, follow_symlinks=False)
                    written = True
                except FileExistsError:
                    _exists(name, folder, key)
                    written = False
                disk.sync(folder)
        return written

    @contextmanager
    def open(self, key: str) -> Generator[_OpenFile]:
        if not readable(key):
            raise ObjectMissing(f"there is no object {key!r}", hint="No key of a bucket looks like that.")
        with disk.closing(self._descriptor(key)) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _missing(key)
            yield _OpenFile(info_of(key, status), descriptor)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        with disk.translated(f"list {self._root}"):
            try:
                root = disk.open_root(self._root)
            except FileNotFoundError:
                return
            yield from walk(root, "", prefix, after)

    def _descriptor(self, key: str) -> int:
        *parts, name = key.split("/")
        try:
            with (
                disk.closing(disk.open_root(self._root)) as root,
                disk.closing(disk.open_folder(root, parts)) as folder,
            ):
                return disk.open_file(name, folder)
        except OSError as error:
            if error.errno in disk.GONE:
                raise _missing(key) from error
            raise disk.failed(f"read {key}", error) from error

    @contextmanager
    def _writable(self, key: str, parts: Sequence[str]) -> Generator[tuple[int, int]]:
        """Descriptors of the root and of the folder ``parts``, both there, and durable under their names."""
        with disk.translated(f"put {key}"):
            root = self._durable_root()
        with disk.closing(root):
            with disk.translated(f"put {key}"):
                folder = disk.create_folder(root, parts, self._known)
            with disk.closing(folder):
                yield root, folder

    def _durable_root(self) -> int:
        try:
            if not self._rooted:
                disk.make_root(self._root)
                self._rooted = True
            return disk.open_root(self._root)
        except FileNotFoundError:  # removed since
            disk.make_root(self._root)
            return disk.open_root(self._root)

    @contextmanager
    def _written(self, root: int, data: bytes | BinaryIO) -> Generator[tuple[str, int]]:
        """The name and folder of a file that holds the data, durably; removed at the end, whatever happens."""
        unfinished = f"{os.getpid()}-{secrets.token_hex(8)}"
        with disk.translated("write the object"):
            temporary = disk.create_folder(root, [_TEMPORARY], self._known)
        with disk.closing(temporary):
            try:
                disk.write_file(unfinished, _chunks(data), temporary)
                yield unfinished, temporary
            finally:
                # What cannot be removed now is swept later; the error that led here is the one to tell.
                with suppress(OSError):
                    disk.remove(unfinished, temporary)

    def _sweep(self) -> None:
        """Remove what processes that died left unfinished. Nothing depends on it, so nothing fails with it."""
        long_ago = time.time() - _ABANDONED_AFTER
        with (
            suppress(OSError),
            disk.closing(disk.open_root(self._root)) as root,
            disk.closing(disk.open_folder(root, [_TEMPORARY])) as temporary,
            os.scandir(temporary) as entries,
        ):
            for entry in entries:
                if entry.stat(follow_symlinks=False).st_mtime < long_ago:
                    disk.remove(entry.name, temporary)


class _OpenFile:
    def __init__(self, info: ObjectInfo, descriptor: int) -> None:
        self.info = info
        self._descriptor = descriptor

    def __iter__(self) -> Iterator[bytes]:
        offset = 0
        while chunk := self._read(offset):
            yield chunk
            offset += len(chunk)

    def _read(self, offset: int) -> bytes:
        with disk.translated(f"read {self.info.key}"):
            return os.pread(self._descriptor, CHUNK, offset)


def _chunks(data: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    while chunk := data.read(CHUNK):
        yield chunk


def _exists(name: str, folder: int, key: str) -> bool:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise BucketError(
            f"cannot put {key}: there is something else of that name", hint="Move it out of the bucket's folder."
        )
    return True


def _missing(key: str) -> ObjectMissing:
    return ObjectMissing(f"there is no object {key}", hint="It was never put, or somebody removed it from the bucket.")
