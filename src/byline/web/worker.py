"""The processor on a thread of its own, brought back when it dies."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from byline.history.port import Counts
from byline.processor.counts import add_counts
from byline.web.shapes import ProcessorHealth

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between a failure and the next start: doubled each time, up to the longest."""

Run = Callable[[threading.Event], object]
"""Takes announced objects until the event is set, finishing the batch in hand."""


class Worker:
    """Runs the processor until it is told to stop. Whatever it raises is logged, counted, shown by ``/health``, and
    tried again."""

    def __init__(self, run: Run, *, pause: float = FIRST_PAUSE) -> None:
        self._run = run
        self._pause = pause
        self._stop = threading.Event()
        self._failures = 0
        self._running = False
        self._thread = threading.Thread(target=self._keep_running, name="processor", daemon=True)

    def start(self) -> None:
        self._running = True
        self._thread.start()

    def stop(self) -> None:
        """Ask it to finish the batch in hand; returns at once."""
        self._stop.set()

    def join(self) -> None:
        """Wait until the batch in hand is finished."""
        self._thread.join()

    def health(self) -> ProcessorHealth:
        """How it fares. It is ``restarting`` from a failure until it is running again."""
        if not self._thread.is_alive():
            return ProcessorHealth("stopped", self._failures)
        return ProcessorHealth("running" if self._running else "restarting", self._failures)

    def _keep_running(self) -> None:
        pause = self._pause
        while not self._stop.is_set():
            self._running = True
            began = time.monotonic()
            try:
                self._run(self._stop)
                self._expect_stop()
            # Anything at all: this thread is the only one that takes events, and dying in silence would lose them
            # from sight.
            except Exception:
                pause = self._pause if time.monotonic() - began > LONGEST_PAUSE else pause
                log.exception("the processor failed; it starts again in %.1f s", pause)
                self._running = False
                self._failures += 1
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _expect_stop(self) -> None:
        if not self._stop.is_set():
            raise RuntimeError("the processor ended although nobody asked it to")


class Taken:
    """What the processor of this process has taken, over all the times it was started."""

    def __init__(self) -> None:
        self._before = Counts()
        self._now = Counts()

    def begin(self) -> Callable[[Counts], None]:
        """The processor starts (again): gives what is to hear its counts."""
        add_counts(self._now, to=self._before)
        self._now = Counts()
        return self._hear

    def counts(self) -> Counts:
        """All of it so far."""
        total = Counts()
        for part in (self._before, self._now):
            add_counts(part, to=total)
        return total

    def _hear(self, counts: Counts) -> None:
        self._now = counts
