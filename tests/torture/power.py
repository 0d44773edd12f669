"""Acts out a power loss: from what a killed process left in the page cache to what the disk would hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct


class Loss(Struct, frozen=True):
    """What a power loss takes of all that was not fsynced. A file system may keep any part of it."""

    name: str
    names: bool
    """Whether it takes creations, renames and removals."""
    bytes: bool
    zeros: bool = False
    """Whether the bytes that it takes leave zeros behind: the size was written, the content not."""


LOSSES = (
    Loss("everything", names=True, bytes=True),
    Loss("bytes", names=False, bytes=True),
    Loss("names", names=True, bytes=False),
    Loss("zeros", names=False, bytes=True, zeros=True),
)


class Durable:
    """What the notes of a board say was durable in the end."""

    def __init__(self, notes: Iterable[list[Any]]) -> None:
        self.sizes: dict[int, int] = {}
        self.names: dict[int, dict[str, int]] = {}
        newest: dict[int, float] = {}
        for kind, _, *said in notes:
            if kind == "bytes":
                inode, _, size = said
                self.sizes[inode] = max(size, self.sizes.get(inode, 0))
            elif kind == "names":
                inode, begun, names = said
                if begun >= newest.get(inode, 0.0):
                    newest[inode], self.names[inode] = begun, names


def lose_power(data: Path, attic: Path, durable: Durable, loss: Loss, into: Path) -> None:
    """Make in ``into`` what a disk would hold of the spool and the bucket in ``data``. The queue is lost wholly: the
    processor's sweep has to find what it announced."""
    where = {path.lstat().st_ino: path for top in (data, attic) for path in _below(top)}
    into.mkdir()
    for name, inode in _names(data, durable, loss):
        if name in {"spool", "bucket"} and inode in where:
            _make(where[inode], into / name, where, durable, loss)


def _make(source: Path, target: Path, where: dict[int, Path], durable: Durable, loss: Loss) -> None:
    status = source.lstat()
    if not stat.S_ISDIR(status.st_mode):
        content = source.read_bytes()
        if loss.bytes:
            kept = content[: durable.sizes.get(status.st_ino, 0)]
            content = kept.ljust(len(content), b"\0") if loss.zeros else kept
        target.write_bytes(content)
        return
    target.mkdir()
    for name, inode in _names(source, durable, loss):
        if inode in where:  # else an unfinished file of the bucket, which nobody reads
            _make(where[inode], target / name, where, durable, loss)


def _names(folder: Path, durable: Durable, loss: Loss) -> Iterator[tuple[str, int]]:
    if loss.names:
        yield from durable.names.get(folder.lstat().st_ino, {}).items()
    else:
        with os.scandir(folder) as entries:
            yield from [(entry.name, entry.inode()) for entry in entries]


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
