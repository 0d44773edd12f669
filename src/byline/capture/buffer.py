"""The sink for functions that have no disk: events wait in memory until ``flush()`` at the end of the invocation.

What has not been flushed when the process dies is lost; that is what ``durability="memory"`` means.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Final

from byline.bucket.port import Bucket
from byline.capture.carrier import Carrier
from byline.capture.complaints import Complaints
from byline.capture.names import SegmentName, new_name
from byline.capture.port import SinkStats
from byline.capture.shipper import delay
from byline.capture.tally import Tally, sentence
from byline.errors import SinkError
from byline.queue.port import Queue

MAX_BYTES: Final = 64 << 20
BATCH_BYTES: Final = 1 << 20


class Buffer:
    """Bounded. Safe from several threads; a forked child begins with an empty one."""

    def __init__(
        self,
        open_bucket: Callable[[], Bucket],
        open_queue: Callable[[], Queue] | None = None,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._open = (open_bucket, open_queue)
        self._max_bytes = max_bytes
        self._closed = False
        self._held = _Held(self._open)

    def accept(self, line: bytes) -> None:
        held = self._own()
        try:
            if self._closed:
                raise SinkError("the buffer is closed", hint="Record before close().")
            held.add(line + b"\n", self._max_bytes)
        except SinkError as error:
            held.tally.add(failed=1)
            held.tally.error(error)
            raise

    def flush(self, timeout: float | None = None) -> bool:
        return self._own().flush(timeout)

    def close(self, timeout: float | None = None) -> bool:
        self._closed = True
        held = self._own()
        done = held.flush(timeout)
        held.carrier.close()
        return done

    def stats(self) -> SinkStats:
        return self._own().stats()

    def _own(self) -> _Held:
        if self._held.process != os.getpid():
            self._held = _Held(self._open)
        return self._held


class _Held:
    """What one process holds."""

    def __init__(self, open: tuple[Callable[[], Bucket], Callable[[], Queue] | None]) -> None:
        self.process = os.getpid()
        self.tally = Tally()
        self._complaints = Complaints()
        self.carrier = Carrier(*open, tally=self.tally, complaints=self._complaints)
        self._lock = threading.RLock()  # a signal handler may record meanwhile
        self._flushing = threading.Lock()
        self._writer = secrets.token_hex(8)
        self._numbers = count(1)
        self._batches: list[tuple[SegmentName, list[bytes]]] = []
        self._room = 0
        self._size = 0
        self._accepted = 0

    def add(self, line: bytes, max_bytes: int) -> None:
        with self._lock:
            if self._size + len(line) > max_bytes:
                hint = "Flush at the end of each invocation, and see why the bucket takes nothing."
                raise SinkError(f"the buffer is full: {max_bytes} bytes wait for flush()", hint=hint)
            if not self._batches or self._room < len(line):
                name = new_name(datetime.now(UTC), self._writer, next(self._numbers))
                self._batches.append((name, []))
                self._room = BATCH_BYTES
            self._batches[-1][1].append(line)
            self._room -= len(line)
            self._size += len(line)
            self._accepted += 1

    def flush(self, timeout: float | None) -> bool:
        """Batch by batch, each again until it is in the bucket or the time is over; then it waits for the next flush,
        under the key that it has."""
        until = None if timeout is None else time.monotonic() + timeout
        if not self._flushing.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            return False
        try:
            with self._lock:
                self._room = 0  # what comes from now on is a batch of its own
                batches = list(self._batches)
            for name, lines in batches:
                if not self._carried(name, b"".join(lines), until):
                    return False
                with self._lock:
                    self._batches.remove((name, lines))
                    self._size -= sum(map(len, lines))
            self.carrier.announce()
        finally:
            self._flushing.release()
        return True

    def stats(self) -> SinkStats:
        with self._lock:
            waiting = sum(len(lines) for _, lines in self._batches)
            return self.tally.stats(
                accepted=self._accepted,
                waiting_events=waiting,
                waiting_bytes=self._size,
                unannounced=self.carrier.unannounced,
            )

    def _carried(self, name: SegmentName, lines: bytes, until: float | None) -> bool:
        failures = 0
        while True:
            try:
                self.carrier.carry(name, lines)
            except Exception as error:  # noqa: BLE001 - a bucket's client may raise anything, and the service must live
                failures += 1
                self.tally.add(retries=1)
                self.tally.error(error)
                self._complaints.say("ship", f"events wait in memory, they could not be shipped: {sentence(error)}")
            else:
                return True
            pause = delay(failures)
            if until is not None and time.monotonic() + pause >= until:
                return False
            time.sleep(pause)
