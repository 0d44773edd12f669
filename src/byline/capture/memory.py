"""The sink for the tests of a service: what was recorded can be looked at."""

from __future__ import annotations

import threading

from byline.capture.port import SinkStats
from byline.errors import SinkError
from byline.model.codec import decode
from byline.model.event import AuditEvent


class MemorySink:
    """Keeps everything, and ships nothing::

    sink = MemorySink()
    recorder = Recorder("shop", sink)
    …
    assert sink.events[0].new_data == {"price": 2}
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._refused = 0
        self._accepted = 0
        self.lines: list[bytes] = []
        """As they would be on the wire."""

    @property
    def events(self) -> list[AuditEvent]:
        """As the processor would read them."""
        return [decode(line, key="memory", line=number) for number, line in enumerate(list(self.lines), start=1)]

    def clear(self) -> None:
        with self._lock:
            self.lines = []

    def accept(self, line: bytes) -> None:
        with self._lock:
            if self._closed:
                self._refused += 1
                raise SinkError("the sink is closed", hint="Record before close().")
            self.lines.append(line)
            self._accepted += 1

    def flush(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - nothing here takes time
        return True

    def close(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        self._closed = True
        return True

    def stats(self) -> SinkStats:
        return SinkStats(accepted=self._accepted, failed=self._refused)
