"""A segment that is being written: an append-only file of lines, locked by its writer for as long as it lives."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

from byline.capture.disk import Disk, is_there, lock, still_named
from byline.capture.folder import whole_lines
from byline.capture.names import SegmentName


class Segment:
    """One open file. :meth:`append` is called under the spool's lock; the rest by any thread, one at a time
    (:attr:`syncing`)."""

    def __init__(self, disk: Disk, folder: Path, name: SegmentName) -> None:
        """Create and lock the file. Raises ``OSError``, also ``FileExistsError`` where the name is taken, and where
        somebody adopted the file before it was locked."""
        self._disk = disk
        self._folder = folder
        self.name = name
        self.path = folder / name.file
        self.size = 0
        """Bytes whose write returned, all of them whole lines."""
        self.events = 0
        self.begun = time.monotonic()
        self.synced = 0
        """Bytes that are durable."""
        self.synced_events = 0
        self.failure: OSError | None = None
        """Why its bytes may not be durable: an fsync failed, and writing them anew did too."""
        self.syncing = threading.RLock()
        """Held by whoever fsyncs, seals or saves. Never taken while holding the spool's lock."""
        self._named = False
        self._broken = False
        self.closed = False
        self._descriptor = disk.create(self.path)
        try:
            mine = lock(self._descriptor) and still_named(self._descriptor, self.path)
        except OSError:  # a file system that locks nothing
            self.discard()
            raise
        if not mine:
            self.close()
            raise FileExistsError(f"{self.path} was taken away before it was locked")

    def append(self, lines: bytes, events: int = 1) -> None:
        """Write whole lines, their line ends included. Where this raises (``OSError``), nothing counts as written, and
        nothing more may be."""
        try:
            self._disk.append(self._descriptor, lines)
        except BaseException:  # also a signal's, whose handler raises: it may have come in the middle
            self._broken = True
            raise
        self.size += len(lines)
        self.events += events

    def sync(self) -> None:
        """Make durable what has been appended: the bytes, and once the file's name. Does nothing where that is so
        already. Raises ``OSError``; then it must not be called again."""
        events, size = self.events, self.size  # in this order: rather one event too few than one too many is durable
        if size > self.synced:
            self._disk.fsync(self._descriptor)
            if not self._named:
                self._disk.fsync_folder(self._folder)
                self._named = True
            self.synced, self.synced_events = size, events

    def seal(self) -> None:
        """Give the file the name under which it may be shipped, durably, and let go of it. To be called after
        :meth:`sync`.

        Raises ``OSError`` where that cannot be done; the file is let go of all the same, and whoever looks through the
        folder next takes it for one whose writer has died, which does what is missing here.
        """
        if self.closed:
            return
        try:
            self._cut()
            if self.size == 0:
                self._disk.unlink(self.path)
                return
            if not self.name.sealed:
                self._rename()
            self._disk.fsync_folder(self._folder)
        finally:
            self.close()

    def content(self) -> bytes:
        """The lines written so far, as the page cache has them."""
        stored = self._disk.read(self._descriptor)
        return stored[: self.size] if self._broken else whole_lines(stored)

    def is_there(self) -> bool:
        """Whether the file still goes by its name: somebody may have emptied the folder."""
        return still_named(self._descriptor, self.path)

    def discard(self) -> None:
        """Remove the file: its lines are elsewhere."""
        try:
            self._disk.unlink(self.path)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file as it is."""
        if not self.closed:
            self.closed = True
            self._disk.close(self._descriptor)

    def _rename(self) -> None:
        """Never over another file: whoever ships that one removes it by its name."""
        sealed = self._folder / self.name._replace(sealed=True).file
        if is_there(sealed):
            raise FileExistsError(f"{sealed} is still there")
        self._disk.rename(self.path, sealed)

    def _cut(self) -> None:
        """Remove what a failed write may have left. Where that fails too, whoever reads the file cuts it."""
        if self._broken:
            with suppress(OSError):
                self._disk.truncate(self._descriptor, self.size)
