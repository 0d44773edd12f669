"""One batch of lines into the bucket, and its announcement: what the spool and the buffer have in common."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable

from byline.bucket.port import Bucket
from byline.capture import forks
from byline.capture.complaints import Complaints
from byline.capture.names import SegmentName, key_of
from byline.capture.tally import Tally, sentence
from byline.errors import BylineError
from byline.queue.port import Announcement, Queue

_LEVEL = 3
_UNANNOUNCED = 10_000
"""Announcements kept for another try. What is dropped is found by the processor's sweep."""


class _Remote:
    """A forked child hangs in the cloud's client if its parent has used it: so remember who was first."""

    user: int | None = None


class Carrier:
    """For one thread at a time, and one process."""

    def __init__(
        self,
        open_bucket: Callable[[], Bucket],
        open_queue: Callable[[], Queue] | None,
        *,
        tally: Tally,
        complaints: Complaints,
    ) -> None:
        """Bucket and queue are opened when there is something to carry. Without a queue nothing is announced: a bucket
        in the cloud does that itself."""
        self._open_bucket = open_bucket
        self._open_queue = open_queue
        self._tally = tally
        self._complaints = complaints
        self._bucket: Bucket | None = None
        self._queue: Queue | None = None
        self._unannounced: deque[Announcement] = deque(maxlen=_UNANNOUNCED)

    @property
    def barred(self) -> bool:
        """Whether this process must not reach for the bucket: its parent has used the cloud's client."""
        return _Remote.user not in {None, os.getpid()}

    @property
    def unannounced(self) -> int:
        return len(self._unannounced)

    def carry(self, name: SegmentName, lines: bytes) -> None:
        """Put the lines under the key of this segment, create-only, and announce them. Twice is once. Raises what the
        bucket raises; an announcement that fails raises nothing, and is tried again."""
        bucket = self._reach_bucket()
        key = key_of(name, lines)
        bucket.put(key, _compressed(lines))
        self._tally.add(events=lines.count(b"\n"), objects=1)
        if self._open_queue is not None:
            self._unannounced.append(Announcement(bucket.name, key))
            self.announce()

    def announce(self) -> None:
        """All that could not be announced, in one go. Where the queue does not answer, the objects are safe: the next
        call tries again, and the processor's sweep finds what this process never could tell."""
        if self._open_queue is None or not self._unannounced:
            return
        try:
            if self._queue is None:
                with forks.opening():
                    self._queue = self._open_queue()
            self._queue.announce(list(self._unannounced))
        except BylineError as error:
            self._tally.error(error)
            what = "objects are in the bucket, but could not be announced"
            self._complaints.say("announce", f"{what}: {sentence(error)}", level=logging.WARNING)
            return
        self._unannounced.clear()

    def close(self) -> None:
        if self._queue is not None:
            self._queue.close()

    def _reach_bucket(self) -> Bucket:
        if self._bucket is None:
            with forks.opening():  # opening it may import its client
                self._bucket = self._open_bucket()
        if not self._bucket.name.startswith("file:") and _Remote.user is None:
            _Remote.user = os.getpid()
        return self._bucket


def _compressed(lines: bytes) -> bytes:
    with forks.opening():
        import zstandard  # noqa: PLC0415 - a service that ships nothing does not load it

    return zstandard.ZstdCompressor(level=_LEVEL).compress(lines)
