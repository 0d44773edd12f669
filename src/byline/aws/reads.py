"""Who looked at what, recorded from a function: a sink that is emptied into the bucket before each call ends.

A spool would not do: an environment is frozen between calls, and thrown away without a word."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from byline.aws import stores
from byline.bucket.keys import event_key
from byline.capture.port import SinkStats
from byline.capture.recorder import Recorder
from byline.errors import BylineError, SinkError
from byline.model import access

MOST = 1_000
"""Events that are kept while the bucket does not answer."""

_log = logging.getLogger("byline.reads")


class BucketSink:
    """Keeps events until :meth:`ship`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._stats = SinkStats()

    def accept(self, line: bytes) -> None:
        with self._lock:
            if len(self._lines) >= MOST:
                self._stats.failed += 1
                raise SinkError("the bucket has not answered for long", hint="See the log for why.")
            self._lines.append(line)
            self._stats.accepted += 1

    def ship(self) -> None:
        """Lay what there is into the bucket, as one object. Where that fails, it is tried again with the next call."""
        with self._lock:
            lines, self._lines = self._lines, []
        if not lines:
            return
        key = event_key(access.SERVICE, datetime.now(UTC), uuid4().hex, "ndjson")
        try:
            stores.bucket().put(key, b"".join(line + b"\n" for line in lines))
        except BylineError as error:
            _log.error("what readers asked is not recorded yet: %s", error, exc_info=error)
            with self._lock:
                self._lines = lines + self._lines

    def flush(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - a call waits for it anyway
        self.ship()
        return not self._lines

    def close(self, timeout: float | None = None) -> bool:
        return self.flush(timeout)

    def stats(self) -> SinkStats:
        return self._stats


sink = BucketSink()

_recorder = stores.Opened(lambda: Recorder(access.SERVICE, sink))


def recorder() -> Recorder:
    """Made with the first read: its stream is of this environment, and not of the snapshot that many wake from."""
    return cast("Recorder", stores.Lazy(_recorder))
