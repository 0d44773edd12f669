"""Listing a folder in the order of keys, without reading what cannot match."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from byline.bucket import disk
from byline.bucket.keys import readable
from byline.bucket.port import ObjectInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


def info_of(key: str, status: os.stat_result) -> ObjectInfo:
    """What a listing tells of a file. Some file systems keep times outside of the years 1 to 9999: those become the
    nearest inside, since one odd file must not end the listing of all others."""
    return ObjectInfo(key=key, size=status.st_size, last_modified=_written(status.st_mtime_ns // 1000))


def _written(microseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return _FIRST if microseconds < 0 else _LAST


def walk(folder: int, path: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
    """The objects below ``folder``, whose keys begin with ``path`` (empty, or ending in a slash). Closes ``folder``.

    Folders and files that vanish meanwhile are left out. A folder's names are held in memory, one folder a level at a
    time.
    """
    with disk.closing(folder):
        for name in _names(folder):
            key = path + name
            if name.endswith("/"):
                if _may_match(key, prefix, after):
                    yield from _below(folder, key, prefix, after)
            elif key > after and key.startswith(prefix) and readable(key):
                info = _file(folder, name, key)
                if info is not None:
                    yield info


def _names(folder: int) -> list[str]:
    """Names in the order of the keys that they begin: a folder counts with its slash, so ``a-b`` comes before
    ``a/``."""
    with os.scandir(folder) as entries:
        names = [
            entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
            if not entry.name.startswith(".")
        ]
    names.sort()
    return names


def _may_match(path: str, prefix: str, after: str) -> bool:
    """Whether a key that begins with ``path`` (which ends in a slash) can begin with ``prefix`` and lie behind
    ``after``."""
    return (path.startswith(prefix) or prefix.startswith(path)) and (path > after or after.startswith(path))


def _below(folder: int, path: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
    name = path.rstrip("/").rpartition("/")[2]
    try:
        child = disk.open_folder(folder, [name])
    except OSError as error:
        if error.errno in disk.GONE:
            return
        raise
    yield from walk(child, path, prefix, after)


def _file(folder: int, name: str, key: str) -> ObjectInfo | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return info_of(key, status) if stat.S_ISREG(status.st_mode) else None
