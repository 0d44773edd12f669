"""The thread that makes events durable and seals segments, so that no caller has to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from byline.capture.complaints import Complaints
from byline.capture.writer import Writer

_HURRY: Final = 0.05
"""Seconds to rest after something unforeseen, so that a fault that stays does not spin."""


class Committer:
    """Durable at most ``exposure`` seconds after it was written (``None``: somebody else sees to that), sealed after
    ``seal_after`` seconds, or ``seal_slowly`` where nothing can be shipped at present."""

    def __init__(
        self, writer: Writer, *, exposure: float | None, seal_after: float, seal_slowly: float, complaints: Complaints
    ) -> None:
        self._writer = writer
        # An fsync takes its time, too: it begins when half of the time is over.
        self._gather = None if exposure is None else exposure / 2
        self._seal_after = seal_after
        self._seal_slowly = seal_slowly
        self._complaints = complaints
        self._work = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.stuck: Callable[[], bool] = lambda: False

    def start(self) -> None:
        """Once. Raises ``RuntimeError`` where the process can have no more threads."""
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="byline-commit", daemon=True)
        thread.start()
        self._thread = thread

    def hear(self) -> None:
        """There is something to do."""
        self._work.set()

    def step(self) -> None:
        """Do what is to be done now."""
        if self._gather is not None:
            self._writer.sync()
        self._writer.retire(older_than=self._seal_slowly if self.stuck() else self._seal_after)
        self._writer.seal()
        self._writer.complain()

    def stop(self, seconds: float | None) -> None:
        """End, and do the rest here, so that whatever was accepted is sealed. A disk that does not answer in time is
        left to the next start."""
        self._writer.end()
        self._stop.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                return
        self.step()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._work.wait(self._patience()) and self._gather is not None:
                self._stop.wait(self._gather)
            self._work.clear()
            try:
                self.step()
            except Exception as error:  # noqa: BLE001 - the thread must live: whatever it is, the next step may do better
                self._complaints.say("commit", f"the spool's commit thread failed: {error!r}")
                self._stop.wait(_HURRY)
                self._work.set()

    def _patience(self) -> float | None:
        age = self._writer.seconds_open()
        if age is None:
            return None
        return max(0.0, (self._seal_slowly if self.stuck() else self._seal_after) - age)
