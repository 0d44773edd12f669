"""The processor: announced objects → the history, until none is left, or for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event
from time import monotonic

from byline.bucket.port import Bucket
from byline.errors import QueueError, Unreachable
from byline.history.port import Counts, History
from byline.processor.counts import add_counts
from byline.processor.dismissals import apply_dismissals
from byline.processor.intake import Failure, Intake, check_reachable
from byline.processor.sweep import ENOUGH, announce_missing, forget_settled
from byline.queue.port import Delivery, Queue

AT_A_TIME = 500
"""Announcements in hand at once."""

SWEEP_EVERY = 300.0
"""Seconds between two comparisons of the bucket with the history."""

_LONGEST_RETRY = 60.0
_LONGEST_PAUSE = 30.0
_LISTEN = 1.0
_LATE = 0.25
"""Seconds by which a queue may be late to hand out again what was released."""

Progress = Callable[[Counts], None]
"""Hears the counts so far after every transaction."""

_log = logging.getLogger("byline.processor")


class Processor:
    """Takes announced objects into the history. Any number may work on one queue, in any processes.

    ``retry_after`` is the pause in seconds before an object that could not be taken is tried again; it doubles each
    time. The queue gives up in the end; what it gave up is a dead letter, ``gave_up``."""

    def __init__(self, bucket: Bucket, queue: Queue, history: History, *, retry_after: float = 1.0) -> None:
        self._bucket = bucket
        self._queue = queue
        self._history = history
        self._retry_after = retry_after
        self._dismissals: set[str] = set()

    def sweep(self, *, unless_busy: bool = False) -> int:
        """Compare the bucket with the history: announce what has not been taken (says how many), and apply dismissals.
        ``unless_busy``: nothing is announced while very much waits; for who sweeps again later."""
        apply_dismissals(self._bucket, self._history.dead_letters, self._dismissals)
        forget_settled(self._bucket, self._queue, self._history)
        if unless_busy and self._queue.depth().waiting > ENOUGH:
            return 0
        return announce_missing(self._bucket, self._queue, self._history.writer)

    def run(self, *, follow: bool = False, stop: Event | None = None, progress: Progress | None = None) -> Counts:
        """Sweep, then take what is announced until none is left; with ``follow`` until ``stop`` is set, sweeping now
        and then.

        A set ``stop`` ends the work after the transaction in hand. Raises :class:`~byline.errors.Unreachable` where
        bucket, queue or history is down; with ``follow`` it waits until they are back instead."""
        sweep = partial(self.sweep, unless_busy=follow)
        run = _Run(self._bucket, self._queue, self._history, sweep, self._retry_after)
        return run.until(stop or Event(), follow=follow, progress=progress or _nobody)


class _Run:
    """One run: its counts, when to sweep again, and until when its own retries may come back."""

    def __init__(
        self, bucket: Bucket, queue: Queue, history: History, sweep: Callable[[], int], retry_after: float
    ) -> None:
        self._bucket = bucket
        self._queue = queue
        self._history = history
        self._sweep_now = sweep
        self._retry_after = retry_after
        self._counts = Counts()
        self._sweep_at = 0.0
        self._retries_until = 0.0

    def until(self, stop: Event, *, follow: bool, progress: Progress) -> Counts:
        def committed(counts: Counts) -> None:
            add_counts(counts, to=self._counts)
            progress(self._counts)

        intake = Intake(self._bucket, self._queue, self._history, stop=stop, committed=committed)
        working = True
        while working and not stop.is_set():
            try:
                self._sweep(again=follow)
                working = self._round(intake, follow=follow)
            except Unreachable as error:
                if not follow:
                    raise
                self._wait_out(error, stop)
        return self._counts

    def _sweep(self, *, again: bool) -> None:
        if not self._sweep_at or (again and monotonic() >= self._sweep_at):
            self._sweep_now()
            self._sweep_at = monotonic() + SWEEP_EVERY

    def _round(self, intake: Intake, *, follow: bool) -> bool:
        """Take what is waiting; says whether there may be more."""
        retries_due = max(0.0, self._retries_until - monotonic())
        deliveries = self._receive(_LISTEN if follow else min(_LISTEN, retries_due))
        if not deliveries:
            return follow or retries_due > 0
        failures: list[Failure] = []
        try:
            failures = intake.take(deliveries)
        finally:
            # Whatever is released too late, or not at all, comes back by itself when its visibility runs out.
            with suppress(QueueError):
                self._release(intake, failures)
        return True

    def _receive(self, wait: float) -> list[Delivery]:
        """As many as there are, up to our limit: some queues give few at a time, and a transaction wants many."""
        deliveries: list[Delivery] = []
        while len(deliveries) < AT_A_TIME:
            more = self._queue.receive(AT_A_TIME - len(deliveries), wait=0.0 if deliveries else wait)
            if not more:
                break
            deliveries += more
        return deliveries

    def _release(self, intake: Intake, failures: list[Failure]) -> None:
        held = intake.held
        failed = [held.pop(failure.delivery.receipt) for failure in failures if failure.delivery.receipt in held]
        for delivery in failed:
            delay = min(_LONGEST_RETRY, self._retry_after * 2 ** min(delivery.receive_count - 1, 10))
            self._queue.release([delivery], delay=delay)
            self._retries_until = max(self._retries_until, monotonic() + delay + _LATE)
        self._queue.release(list(held.values()))
        held.clear()

    def _wait_out(self, error: Unreachable, stop: Event) -> None:
        """Receiving while something is down would only use up the messages' tries."""
        pause = 1.0
        while not stop.is_set():
            _log.warning("waiting %.0f s: %s", pause, error)
            stop.wait(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            try:
                check_reachable(self._bucket, self._queue, self._history)
            except Unreachable as again:
                error = again
            else:
                return


def _nobody(counts: Counts) -> None:
    """Nobody watches."""
