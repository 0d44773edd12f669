"""What lies in a spool folder, and who may touch it.

Any number of processes share a folder. A segment that is being written is locked by its writer, a sealed one by whoever
ships it; the kernel drops the lock of a process that dies. So an ``.open`` file that can be locked has no writer any
more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from byline.capture.disk import Disk, is_there, lock, still_named
from byline.capture.names import SegmentName, parse_name


class Found(NamedTuple):
    """What a look into the folder found."""

    sealed: list[SegmentName]
    """The oldest first."""
    open: list[SegmentName]
    bytes: int
    """Of all segments together."""


class Adopted(NamedTuple):
    """What became of a segment whose writer has died."""

    sealed: bool
    """False where it was empty, and has been removed."""
    torn_bytes: int
    """Of a last line that was never written whole, cut off."""


def look(folder: Path) -> Found:
    """The segments in the folder; none where there is no folder yet. Raises ``OSError`` for any other trouble."""
    found = Found([], [], 0)
    size = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = parse_name(entry.name)
                if name is not None:
                    (found.sealed if name.sealed else found.open).append(name)
                    size += _size(entry)
    except FileNotFoundError:
        return found
    found.sealed.sort()
    found.open.sort()
    return found._replace(bytes=size)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


@contextmanager
def held(disk: Disk, path: Path) -> Iterator[int | None]:
    """The file's descriptor, locked for the length of the ``with``; ``None`` where it is gone, or in other hands."""
    try:
        descriptor = disk.open(path)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor if lock(descriptor) and still_named(descriptor, path) else None
    finally:
        disk.close(descriptor)


def adopt(disk: Disk, folder: Path, name: SegmentName) -> Adopted | None:
    """Seal a segment whose writer has died; ``None`` where the writer lives, or somebody else was quicker. Where a
    sealed one of that name is there already (its writer was writing the lines anew when it died), that one goes first.

    A last line without its end was never acknowledged: it is cut off, and counted.
    """
    path = folder / name.file
    with held(disk, path) as descriptor:
        sealed = folder / name._replace(sealed=True).file
        if descriptor is None or is_there(sealed):
            return None
        content = disk.read(descriptor)
        whole = len(whole_lines(content))
        torn = len(content) - whole
        if whole == 0:
            disk.unlink(path)
            return Adopted(sealed=False, torn_bytes=torn)
        if torn:
            disk.truncate(descriptor, whole)
        disk.fsync(descriptor)
        disk.rename(path, sealed)
        disk.fsync_folder(folder)
        return Adopted(sealed=True, torn_bytes=torn)


def whole_lines(content: bytes) -> bytes:
    """Without a last line that has no end."""
    return content if content.endswith(b"\n") else content[: content.rfind(b"\n") + 1]
