"""The few things the spool asks of the disk, all of them in one class, so that a test can stand in for the disk and
lose what was not fsynced.

It also knows every descriptor that is open, since a forked child must close its parent's: the lock on a segment belongs
to all who hold its descriptor, and would outlive the parent in the child.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from byline.bucket import disk as durable
from byline.capture import forks

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20


class Disk:
    """A file system of POSIX. Every method raises ``OSError``, and none retries."""

    def make_folder(self, folder: Path) -> None:
        """Create a folder and what leads to it, each durable in its parent. A new one is for its owner only: events
        hold personal data."""
        if not folder.is_dir():
            durable.make_root(folder)
            folder.chmod(0o700)

    def create(self, path: Path) -> int:
        """A descriptor of a new, empty file, to append to and to read from."""
        with forks.whole():
            descriptor = os.open(path, _CREATE, 0o600)
            _open[descriptor] = os.fstat(descriptor)
        return descriptor

    def open(self, path: Path) -> int:
        """A descriptor of an existing file; never of a symbolic link."""
        with forks.whole():
            descriptor = os.open(path, _OPEN)
            _open[descriptor] = os.fstat(descriptor)
        return descriptor

    def close(self, descriptor: int) -> None:
        """Is not to be called twice."""
        with forks.whole():
            _open.pop(descriptor, None)
            os.close(descriptor)

    def append(self, descriptor: int, data: bytes) -> None:
        """Write all of it, in one call where the system takes it whole. Where this raises, a part may have been
        written."""
        written = os.write(descriptor, data)
        if written != len(data):
            rest = memoryview(data)[written:]
            while rest:
                rest = rest[os.write(descriptor, rest) :]

    def read(self, descriptor: int) -> bytes:
        """The whole file."""
        chunks = []
        offset = 0
        while chunk := os.pread(descriptor, _CHUNK, offset):
            chunks.append(chunk)
            offset += len(chunk)
        return b"".join(chunks)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def fsync(self, descriptor: int) -> None:
        """Never to be tried again on a descriptor on which it failed: the kernel has forgotten what was unwritten."""
        durable.sync(descriptor)

    def fsync_folder(self, folder: Path) -> None:
        """Make durable which names the folder holds."""
        descriptor = durable.open_root(folder)
        try:
            durable.sync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def unlink(self, path: Path) -> None:
        """No harm where it is gone already."""
        path.unlink(missing_ok=True)


def lock(descriptor: int) -> bool:
    """Lock the file for this descriptor, until it is closed; False where somebody else holds it. Never waits."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def still_named(descriptor: int, path: Path) -> bool:
    """Whether the file is the one that goes by this name: between open and lock somebody may have moved it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def is_there(path: Path) -> bool:
    """Whether something goes by this name; also where that cannot be told."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


_open: dict[int, os.stat_result] = {}


def _forget_parent() -> None:
    """In a forked child: close what belongs to the parent."""
    inherited = list(_open.items())
    _open.clear()
    for descriptor, status in inherited:
        # A service that closes what it does not know may have been quicker, and its number be another file's by now.
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), status):
                os.close(descriptor)


forks.when_forked(_forget_parent)
