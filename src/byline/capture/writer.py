"""The segments that this process writes: one that is open, and those that are full and wait to be sealed.

Two locks, always taken in this order: a segment's ``syncing`` (around the disk's slow calls), then the writer's own
(around what every :meth:`Writer.append` reads and writes). So nobody who records waits for an fsync of somebody else,
unless that is what ``durability="fsync"`` asks for.
"""

from __future__ import annotations

import errno
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from msgspec import Struct

from byline.capture.complaints import Complaints
from byline.capture.disk import Disk
from byline.capture.names import new_name
from byline.capture.refusals import closed, failed, full
from byline.capture.segment import Segment
from byline.capture.tally import Tally

_TRIES = 5


class Written(Struct, gc=False):
    """Where a line went. A struct, because making one calls no Python code."""

    segment: Segment
    end: int
    """Its last byte plus one."""
    news: bool
    """Whether the committer has to hear of it: there was nothing to do before."""


class Writer:
    """One process's writer. Safe from several threads."""

    def __init__(
        self, folder: Path, disk: Disk, *, max_bytes: int, seal_bytes: int, tally: Tally, complaints: Complaints
    ) -> None:
        self._folder = folder
        self._disk = disk
        self._max_bytes = max_bytes
        self._seal_bytes = seal_bytes
        self._tally = tally
        self._complaints = complaints
        self._id = secrets.token_hex(8)
        self._numbers = count(1)
        self._lock = threading.RLock()
        self._settled = threading.Condition(self._lock)
        self._segment: Segment | None = None
        self._full: list[Segment] = []
        self._dirty = False
        self._ended = False
        self._waiting: dict[str, Segment] = {}
        """What is not known to be shipped, by the segment's stem."""
        self._unsealed: set[str] = set()
        self._level = 0
        self._trouble: list[tuple[str, str]] = []
        self.accepted = 0
        self.on_sealed: Callable[[], None] = lambda: None

    # --- what a recording thread calls ---

    def append(self, line: bytes) -> Written:
        """Write one line. Raises :class:`~byline.errors.SinkError`; then it is not written, and what is left of it is
        cut off."""
        lines = line + b"\n"
        size = len(lines)
        with self._lock:
            if self._ended:
                raise closed()
            if self._level + size > self._max_bytes:
                raise full(self._max_bytes)
            segment = self._segment
            fresh = segment is None or (segment.size + size > self._seal_bytes and segment.size > 0)
            try:
                if segment is None or fresh:
                    segment = self._next()
                segment.append(lines)
            except OSError as error:
                self._give_up()
                raise failed("write to the spool", error) from error
            except BaseException:  # a signal's handler that raises: what the file holds is anybody's guess
                self._give_up()
                raise
            self._level += size
            self.accepted += 1
            news = fresh or not self._dirty
            self._dirty = True
            return Written(segment, segment.size, news)

    def commit(self, written: Written) -> None:
        """Wait until this line is durable, together with all who wait for the same. Raises
        :class:`~byline.errors.SinkError` where that cannot be had; then it is in doubt."""
        segment = written.segment
        with segment.syncing:
            if segment.synced < written.end and segment.failure is None:
                self._sync(segment)
            if segment.synced < written.end and segment.failure is not None:
                raise failed("make the event durable", segment.failure) from segment.failure

    # --- what the committer calls ---

    def sync(self) -> None:
        """Make durable what has been written. Never raises ``OSError``: see :meth:`_sync`."""
        with self._lock:
            segments, self._dirty = [*self._full, self._segment], False
        for segment in filter(None, segments):
            with segment.syncing:
                if not segment.closed:
                    self._sync(segment)

    def retire(self, *, older_than: float = 0.0) -> None:
        """Take the open segment out of use, if it was begun so many seconds ago."""
        with self._lock:
            if self._segment is not None and time.monotonic() - self._segment.begun >= older_than:
                self._retire()

    def end(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._ended = True
            self._retire()

    def seal(self) -> None:
        """Seal what is out of use. After something unforeseen the rest is left to the next call, which begins with the
        others."""
        with self._lock:
            full, self._full = self._full, []
        sealed = bool(full)
        while full:
            segment = full.pop(0)
            try:
                self._seal(segment)
            except BaseException:
                with self._lock:
                    self._full += [*full, segment]
                raise
        if sealed:
            self.on_sealed()

    def seconds_open(self) -> float | None:
        """How long the open segment has been in use; ``None`` where there is none."""
        with self._lock:
            return None if self._segment is None else time.monotonic() - self._segment.begun

    def complain(self) -> None:
        """Log what went wrong. To be called without any lock, since a logging handler may record an event itself."""
        while self._trouble:
            self._complaints.say(*self._trouble.pop(0))

    # --- what the shipper tells ---

    @property
    def waiting(self) -> set[str]:
        """The stems of this process's segments that are not known to be shipped."""
        with self._lock:
            return set(self._waiting)

    @property
    def sealed(self) -> set[str]:
        """Those of them that are out of this writer's hands."""
        with self._lock:
            return self._waiting.keys() - self._unsealed

    def settle(self, stems: Iterable[str]) -> None:
        """These are in the bucket, and gone from the folder."""
        with self._settled:
            for stem in stems:
                self._waiting.pop(stem, None)
            self._settled.notify_all()

    def wait(self, stems: set[str], seconds: float | None, *, sealed_is_enough: bool = False) -> bool:
        """Whether these are settled, or at least sealed, before the time runs out."""
        with self._settled:
            open = self._unsealed if sealed_is_enough else self._waiting
            return self._settled.wait_for(lambda: stems.isdisjoint(open), seconds)

    def measure(self, level: int, seen_at: int) -> None:
        """The folder held ``level`` bytes when :attr:`level` stood at ``seen_at``."""
        with self._lock:
            self._level += level - seen_at

    @property
    def level(self) -> int:
        """Bytes in the folder, of all processes: what the last look found, and what was written here since."""
        return self._level

    @property
    def waiting_events(self) -> int:
        with self._lock:
            return sum(segment.events for segment in self._waiting.values())

    # --- inside ---

    def _next(self) -> Segment:
        self._retire()
        self._segment = self._create()
        return self._segment

    def _retire(self) -> None:
        if self._segment is not None:
            self._full.append(self._segment)
            self._segment = None

    def _give_up(self) -> None:
        """After a write that failed nothing more goes into the open segment. An empty one is removed at once: a disk
        may be full for long, and each try would leave one more file open."""
        segment = self._segment
        if segment is not None and segment.size == 0:
            self._segment = None
            self._try(segment.discard)
            self._let_go(segment)
        self._retire()

    def _seal(self, segment: Segment) -> None:
        with segment.syncing:
            if not segment.closed:
                self._sync(segment)
            if not segment.closed and not segment.is_there():
                self._trouble.append(("removed", f"somebody removed {segment.path}; its lines are written anew"))
                self._save(segment)
            if not segment.closed:
                self._try(segment.seal)
                self._let_go(segment)

    def _create(self) -> Segment:
        self._disk.make_folder(self._folder)
        for _ in range(_TRIES):
            name = new_name(datetime.now(UTC), self._id, next(self._numbers))
            with suppress(FileExistsError):  # somebody looked through the folder at that very moment
                segment = Segment(self._disk, self._folder, name)
                self._waiting[name.stem] = segment
                self._unsealed.add(name.stem)
                return segment
        raise FileExistsError(errno.EEXIST, "others keep taking new segments away")

    def _sync(self, segment: Segment) -> None:
        """Make the segment durable. Where its fsync fails its lines are written anew, since the kernel has forgotten
        which of them reached the disk; where that fails, too, they are counted as in doubt."""
        try:
            segment.sync()
        except OSError as error:
            self._tally.error(error)
            with self._lock:
                if self._segment is segment:
                    self._segment = None
            self._save(segment)
            self._trouble.append(("fsync", f"an fsync of the spool failed ({error}); its lines are written anew"))
            self.on_sealed()

    def _save(self, segment: Segment) -> None:
        """Write its lines to a new file, the one that sealing would have made; only then the old one goes."""
        fresh = None
        try:
            self._disk.make_folder(self._folder)
            fresh = Segment(self._disk, self._folder, segment.name._replace(sealed=True))
            fresh.append(segment.content(), segment.events)
            fresh.sync()
        except OSError as error:
            segment.failure = error
            self._trouble.append(("doubt", f"lines of {segment.path} may not survive a power loss: {error}"))
            self._tally.add(doubt=segment.events - segment.synced_events)
            self._tally.error(error)
            if fresh is not None:
                self._try(fresh.discard)
            self._try(segment.seal)
        else:
            segment.synced, segment.synced_events = segment.size, segment.events
            self._try(segment.discard)
            self._try(fresh.seal)
        self._let_go(segment)

    def _try(self, last: Callable[[], None]) -> None:
        """Seal or discard. What cannot be done is done by whoever looks through the folder next."""
        try:
            last()
        except OSError as error:
            self._tally.error(error)
            self._trouble.append(("seal", f"cannot seal a segment of the spool: {error}; it is tried again"))

    def _let_go(self, segment: Segment) -> None:
        with self._settled:
            self._unsealed.discard(segment.name.stem)
            if segment.events == 0:
                self._waiting.pop(segment.name.stem, None)
            self._settled.notify_all()
