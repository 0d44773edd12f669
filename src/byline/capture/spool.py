"""The spool: the default sink. Events go into append-only segments of a local folder, and from there into the bucket.

What ``accept`` promises when it returns, by ``durability``:

``"group"``
    The line is in the kernel's hands: a crash or SIGKILL of the process loses nothing. Within 20 ms it is on the disk,
    too: that much a power loss can take.
``"fsync"``
    The line is on the disk. Threads that record at the same time share one fsync.

A full disk, a failed one, or a full spool raises :class:`~byline.errors.SinkError`, and is counted.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from pathlib import Path

from byline.bucket.port import Bucket
from byline.capture import forks
from byline.capture.carrier import Carrier
from byline.capture.complaints import Complaints
from byline.capture.disk import Disk
from byline.capture.folder import look
from byline.capture.port import SinkStats
from byline.capture.refusals import closed
from byline.capture.shipper import GRACE
from byline.capture.shipping import Shipping
from byline.capture.spool_process import Durability, SpoolLimits, SpoolProcess
from byline.capture.tally import Tally
from byline.errors import UsageError
from byline.queue.port import Queue


class Spool:
    """A folder of segments. Safe from several threads, shared by any number of processes, usable on both sides of a
    fork: each process writes segments of its own, with threads of its own, begun at its first event."""

    def __init__(
        self,
        folder: Path,
        open_bucket: Callable[[], Bucket],
        open_queue: Callable[[], Queue] | None = None,
        *,
        durability: Durability = "group",
        limits: SpoolLimits = SpoolLimits(),  # noqa: B008 - frozen
        disk: Disk | None = None,
    ) -> None:
        """Bucket and queue are opened by the thread that ships, when there is something to ship. What an earlier
        process left in the folder is shipped, too, also if this one never records anything."""
        if durability not in {"group", "fsync"}:
            raise UsageError(f"durability cannot be {durability!r} here", hint="Use group or fsync.")
        self._folder = folder.expanduser().absolute()
        self._open_bucket = open_bucket
        self._open_queue = open_queue
        self._durability = durability
        self._limits = limits
        self._disk = disk or Disk()
        self._closed = False
        self._processes: dict[int, SpoolProcess] = {}
        self._of_parents: list[SpoolProcess | None] = []  # kept, since SQLite forbids a child to let go of a connection
        # Keeps the spool alive until it is closed: a script may have let go of it before its events are shipped.
        atexit.register(self.close, limits.exit_seconds)
        if _bytes_in(self._folder):
            self._process().start(grace=GRACE)

    def accept(self, line: bytes) -> None:
        if self._closed:
            raise closed()
        process = self._processes.get(os.getpid()) or self._process()
        process.accept(line)

    def flush(self, timeout: float | None = None) -> bool:
        """True once everything this process has accepted is shipped, by whomever; False when ``timeout`` seconds are
        over. A child of a process that has used the cloud's client cannot ship: there it is True once all is on the
        disk."""
        process = self._processes.get(os.getpid())
        return process.flush(timeout) if process is not None else True

    def close(self, timeout: float | None = None) -> bool:
        """Flush, then stop. What could not be shipped stays on the disk, sealed; the next start ships it."""
        self._closed = True
        atexit.unregister(self.close)
        process = self._processes.get(os.getpid())
        return process.close(timeout) if process is not None else True

    def stats(self) -> SinkStats:
        """Of this process: a forked child counts from nought."""
        process = self._processes.get(os.getpid())
        return process.stats() if process is not None else SinkStats()

    def _process(self) -> SpoolProcess:
        """What belongs to the running process: locks, threads and descriptors do not survive a fork."""
        own = self._processes.get(os.getpid())
        if own is None:
            forks.notice()
            # Two threads may both come here; the dictionary gives both the same.
            own = self._processes.setdefault(os.getpid(), self._begun())
            for other in [pid for pid in list(self._processes) if pid != os.getpid()]:
                self._of_parents.append(self._processes.pop(other, None))
        return own

    def _begun(self) -> SpoolProcess:
        complaints, tally = Complaints(), Tally()
        carrier = Carrier(self._open_bucket, self._open_queue, tally=tally, complaints=complaints)
        shipping = Shipping(self._folder, self._disk, carrier, tally=tally, complaints=complaints)
        process = SpoolProcess(
            self._folder,
            self._disk,
            shipping,
            self._limits,
            durability=self._durability,
            tally=tally,
            complaints=complaints,
        )
        process.writer.measure(_bytes_in(self._folder), 0)
        return process


def _bytes_in(folder: Path) -> int:
    try:
        return look(folder).bytes
    except OSError:  # whoever records first hears of it
        return 0
