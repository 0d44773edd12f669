"""The file layer of the child: it notes what became durable, and when, so that a power loss can be acted out later.

Every fsync of the spool and of the bucket's folder goes through ``byline.bucket.disk.sync``; here it stands in for it.
A file's bytes are durable up to the size that it had when an fsync of it began; a folder's names are those that it held
when an fsync of it began (fsync(2)).
"""

from __future__ import annotations

import os
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

from byline.bucket import disk
from byline.capture.committer import Committer
from byline.capture.disk import Disk
from tests.torture.board import Board

PULSE = 0.002


class Witness:
    """``lies``: its fsync does nothing, and says it did."""

    def __init__(self, board: Board, *, lies: bool = False) -> None:
        self._board = board
        self._lies = lies
        self._sync = disk.sync

    def install(self) -> None:
        disk.sync = self.sync
        step = Committer.step

        def noted(committer: Committer) -> None:
            begun = time.monotonic()
            step(committer)
            self._board.note("round", begun)

        Committer.step = noted  # type: ignore[method-assign]

    def sync(self, descriptor: int) -> None:
        if self._lies:
            return
        status = os.fstat(descriptor)
        self._board.note("syncing", status.st_ino)  # what the watching takes is not the code's either
        begun = time.monotonic()
        names: dict[str, int] = {}
        if stat.S_ISDIR(status.st_mode):
            with os.scandir(descriptor) as entries:
                names = {entry.name: entry.inode() for entry in entries}
        try:
            self._sync(descriptor)
        except OSError:
            self._board.note("unsynced", status.st_ino)
            raise
        if stat.S_ISDIR(status.st_mode):
            self._board.note("names", status.st_ino, begun, names)
        else:
            self._board.note("bytes", status.st_ino, begun, status.st_size)

    def assume(self, folder: Path) -> None:
        """What is there already is durable."""
        begun = time.monotonic()
        with os.scandir(folder) as entries:
            found = {entry.name: entry for entry in entries}
        for entry in found.values():
            if entry.is_dir(follow_symlinks=False):
                self.assume(Path(entry.path))
            else:
                self._board.note("bytes", entry.inode(), begun, entry.stat().st_size)
        names = {name: entry.inode() for name, entry in found.items()}
        self._board.note("names", folder.stat().st_ino, begun, names)

    def pulse(self) -> None:
        """For a thread: note how late it is woken up. So much later than in time is anybody in this process."""
        while True:
            begun = time.monotonic()
            time.sleep(PULSE)
            self._board.note("pulse", max(0.0, time.monotonic() - begun - PULSE))

    def start(self) -> None:
        threading.Thread(target=self.pulse, daemon=True).start()


class WatchedEvent(threading.Event):
    """Tells how late whoever waits for it is woken up. One thread waits."""

    def __init__(self, board: Board, name: str) -> None:
        super().__init__()
        self._board = board
        self._name = name

    def set(self) -> None:
        self._board.note("set", self._name)
        super().set()

    def wait(self, timeout: float | None = None) -> bool:
        self._board.note("asleep", self._name, None if timeout is None else time.monotonic() + timeout)
        is_set = super().wait(timeout)
        self._board.note("awake", self._name)
        return is_set


class KeepingDisk(Disk):
    """Removes nothing for good: every file of the spool has a second name in ``attic``, its inode's number."""

    def __init__(self, attic: Path) -> None:
        self._attic = attic

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self.keep(path)
        return descriptor

    def keep(self, path: Path) -> None:
        with suppress(FileNotFoundError, FileExistsError):  # somebody who looks through the folder was quicker
            os.link(path, self._attic / str(path.lstat().st_ino))


class LazyDisk(KeepingDisk):
    """For a canary: writes a line when the next one comes."""

    def __init__(self, attic: Path) -> None:
        super().__init__(attic)
        self._unwritten: dict[int, bytes] = {}

    def append(self, descriptor: int, data: bytes) -> None:
        before, self._unwritten[descriptor] = self._unwritten.get(descriptor, b""), data
        super().append(descriptor, before)
