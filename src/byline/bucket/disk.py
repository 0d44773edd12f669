"""The few things a durable folder asks of the disk, each by the descriptor of its folder, so that no symbolic link is
followed.

What is fsynced, and when, follows fsync(2): a file's content is durable after fsync of the file, its name after fsync
of the folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from byline.errors import BucketError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What opening answers where there is no such file, or one that only a symbolic link leads to."""

_HINTS = {
    errno.ENOSPC: "The disk is full: free some space, then do it again.",
    errno.EDQUOT: "The disk quota is used up: free some space, then do it again.",
    errno.EIO: "The disk failed: look at the system's log; nothing half-written counts, do it again on a sound disk.",
    errno.EROFS: "The file system is mounted read-only: mount it writable, or set BYLINE_BUCKET or BYLINE_DATA.",
    errno.EACCES: "Let this user read and write the folder, or set BYLINE_BUCKET or BYLINE_DATA to another one.",
    errno.EPERM: "Use a file system with hard links, and let this user write there; or set BYLINE_BUCKET.",
    errno.EXDEV: "The whole bucket must lie on one file system: mount nothing inside it.",
    errno.EMFILE: "Too many files are open: raise the limit (ulimit -n).",
    errno.ENOTDIR: "Something that is no folder (or a symbolic link, which is not followed) is in the way: move it.",
    errno.ELOOP: "A symbolic link is in the way, and is not followed: replace it by a real folder.",
}


def failed(what: str, error: OSError) -> BucketError:
    """The system's error as ours, with what to do."""
    hint = _HINTS.get(error.errno or 0, "Run `byline doctor`.")
    return BucketError(f"cannot {what}: {error.strerror or error}", hint=hint)


@contextmanager
def translated(what: str) -> Generator[None]:
    """Turn the system's errors into :class:`~byline.errors.BucketError`; ``what`` reads like "write the object"."""
    try:
        yield
    except OSError as error:
        raise failed(what, error) from error


@contextmanager
def closing(descriptor: int) -> Generator[int]:
    """Close the descriptor at the end, whatever happens."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    """Durable when it returns. Never to be tried twice on one descriptor: after a failure the kernel forgets what was
    unwritten."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)  # on macOS fsync stops at the drive's own cache


def open_root(root: Path) -> int:
    """A descriptor of the folder ``root``; the one place where a symbolic link is followed."""
    return os.open(root, _FOLDER)


def make_root(root: Path) -> None:
    """Create ``root`` and what leads to it, each durable in its parent. A ``root`` that is there may not be durable
    yet."""
    missing = [root]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        try:
            parent = open_root(folder.parent)
        except PermissionError:
            if folder.is_dir():  # somebody else's folder holds it: theirs to make durable
                continue
            raise
        with closing(parent):
            _make(folder.name, parent)
            sync(parent)


def open_folder(root: int, parts: Sequence[str]) -> int:
    """A descriptor of the folder ``parts`` below ``root``; never through a symbolic link."""
    folder = os.dup(root)
    for part in parts:
        with closing(folder):
            folder = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    return folder


def create_folder(root: int, parts: Sequence[str], known: set[tuple[str, ...]]) -> int:
    """As :func:`open_folder`, creating what is missing. ``known`` are the folders whose names are durable; it grows.

    A folder that is there but not known may have been left by a process that died before its fsync: its parent is
    fsynced too.
    """
    folder = os.dup(root)
    for depth, part in enumerate(parts, start=1):
        path = tuple(parts[:depth])
        with closing(folder):
            made = path not in known and _make(part, folder)
            try:
                child = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            except FileNotFoundError:  # known once, removed since
                made = _make(part, folder)
                child = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            if made or path not in known:
                try:
                    sync(folder)
                except OSError:
                    os.close(child)
                    raise
                known.add(path)
        folder = child
    return folder


def _make(name: str, parent: int) -> bool:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return False
    return True


def write_file(name: str, chunks: Iterable[bytes], folder: int) -> None:
    """Write a new file and fsync it. Whatever goes wrong, the file is closed; the caller removes it."""
    with translated("write the object"):
        descriptor = os.open(name, _NEW_FILE, 0o666, dir_fd=folder)
    with closing(descriptor):
        for chunk in chunks:
            with translated("write the object"):
                _write_all(descriptor, chunk)
        with translated("make the object durable"):
            sync(descriptor)


def _write_all(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def open_file(name: str, folder: int) -> int:
    """A descriptor to read from; never of a symbolic link, never waiting (for a pipe that somebody put there)."""
    return os.open(name, _READ, dir_fd=folder)


def remove(name: str, folder: int) -> None:
    """Remove a file; no harm where it is gone already."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
