"""The spool as one process has it: a writer, and the two threads behind it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from byline.capture.committer import Committer
from byline.capture.complaints import Complaints
from byline.capture.disk import Disk
from byline.capture.port import SinkStats
from byline.capture.shipper import Shipper
from byline.capture.shipping import Shipping
from byline.capture.tally import Tally
from byline.capture.writer import Writer
from byline.errors import SinkError, UsageError

Durability = Literal["group", "fsync"]
"""What the spool promises when it has accepted an event."""

MAX_BYTES: Final = 1 << 30
SEAL_BYTES: Final = 1 << 20
LARGEST_OBJECT: Final = 4 << 20
"""What our shippers put into one object, inflated (DESIGN §3); a larger event has one for itself."""
EXPOSURE: Final = 0.02
"""Seconds that a power loss can take with ``durability="group"``."""


_TRY_EVERY: Final = 0.5
"""Seconds between two tries of a bucket that does not answer, while somebody waits for it."""
_A_MOMENT: Final = 0.1


class SpoolLimits(Struct, frozen=True, kw_only=True):
    """What a spool may hold, and when it does things. Bytes and seconds."""

    max_bytes: int = MAX_BYTES
    """Of all segments in the folder, of all processes (as the last look found it, some seconds ago)."""
    seal_bytes: int = SEAL_BYTES
    seal_after: float = 1.0
    seal_slowly: float = 30.0
    """While nothing can be shipped, so that what waits is not a million small files."""
    exposure: float = EXPOSURE
    exit_seconds: float = 2.0
    """How long the end of the process may be held up; what is not shipped by then stays on the disk for the next
    start."""

    def __post_init__(self) -> None:
        if not 0 < self.seal_bytes <= LARGEST_OBJECT:
            raise UsageError(f"seal_bytes cannot be {self.seal_bytes}", hint=f"Use 1 to {LARGEST_OBJECT}.")


class SpoolProcess:
    """Never shared across a fork. Its threads begin with its first event."""

    def __init__(
        self,
        folder: Path,
        disk: Disk,
        shipping: Shipping,
        limits: SpoolLimits,
        *,
        durability: Durability,
        tally: Tally,
        complaints: Complaints,
    ) -> None:
        self._tally = tally
        self._waits = durability == "fsync"
        self._shipping = shipping
        self.writer = Writer(
            folder, disk, max_bytes=limits.max_bytes, seal_bytes=limits.seal_bytes, tally=tally, complaints=complaints
        )
        self._shipper = Shipper(shipping, self.writer, tally=tally, complaints=complaints)
        self._committer = Committer(
            self.writer,
            exposure=None if self._waits else limits.exposure,
            seal_after=limits.seal_after,
            seal_slowly=max(limits.seal_slowly, limits.seal_after),
            complaints=complaints,
        )
        self._committer.stuck = lambda: self._shipper.stuck
        self.writer.on_sealed = self._shipper.hear
        self._starting = threading.RLock()  # a signal handler may record meanwhile
        self._started = False
        self._closed = False

    def accept(self, line: bytes) -> None:
        try:
            # First: what others record while the threads come up is exposed from then on.
            begun = self._started or self.start()
            written = self.writer.append(line)
            if written.news:
                self._tell(begun=begun)
            if self._waits:
                self.writer.commit(written)
        except BaseException as error:
            self._committer.hear()  # what was taken before the trouble is still to be sealed
            if isinstance(error, SinkError):
                self._tally.add(failed=1)
                self._tally.error(error)
            raise

    def start(self, *, grace: float = 0.0) -> bool:
        """Begin the threads; False where the process can have no more of them. Then the caller does their work."""
        with self._starting:
            if not self._started and not self._closed:
                try:
                    self._committer.start()
                    self._shipper.start(grace=grace)
                except RuntimeError as error:  # too many threads, or the interpreter is ending
                    self._tally.error(error)
                    return False
                self._started = True
        return True

    def flush(self, timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        self.writer.retire()
        stems = self.writer.waiting
        if not stems:
            return True
        self.start()
        self._committer.hear()
        if not self._shipper.is_running:
            self._committer.step()
            self._shipper.step()
        while True:
            self._shipper.hurry()
            left = None if until is None else until - time.monotonic()
            patience = _TRY_EVERY if left is None else min(_TRY_EVERY, max(0.0, left))
            if self.writer.wait(stems, patience, sealed_is_enough=self._shipping.carrier.barred):
                return True
            if left is not None and left <= 0:
                return False

    def close(self, timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        done = self.flush(timeout)
        if not self._closed:
            self._closed = True
            self._shipper.stop(_left(until))
            self._committer.stop(_left(until))
        return done

    def stats(self) -> SinkStats:
        return self._tally.stats(
            accepted=self.writer.accepted,
            waiting_events=self.writer.waiting_events,
            waiting_bytes=self.writer.level,
            unannounced=self._shipping.carrier.unannounced,
        )

    def _tell(self, *, begun: bool) -> None:
        if begun:
            self._committer.hear()
        else:
            self._committer.step()


def _left(until: float | None) -> float | None:
    """A little, where the time is over: threads that have nothing to do end at once."""
    return None if until is None else max(_A_MOMENT, until - time.monotonic())
