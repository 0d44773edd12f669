"""The thread that ships: whenever something was sealed, and now and then, for what other processes left."""

from __future__ import annotations

import logging
import random
import threading
from typing import Final

from byline.capture.complaints import Complaints
from byline.capture.folder import look
from byline.capture.shipping import Outcome, Shipping
from byline.capture.tally import Tally, sentence
from byline.capture.writer import Writer

LOOK_EVERY: Final = 5.0
"""Seconds between two looks for what others left."""
GRACE: Final = 5.0
"""Seconds before a process that has recorded nothing itself touches what others left: a server that forks its workers
after importing the service should not have used the cloud's client by then."""
FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 30.0


class Shipper:
    """One thread, begun when there is something for it to do."""

    def __init__(self, shipping: Shipping, writer: Writer, *, tally: Tally, complaints: Complaints) -> None:
        self._shipping = shipping
        self._writer = writer
        self._tally = tally
        self._complaints = complaints
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._failures = 0
        self._thread: threading.Thread | None = None

    @property
    def stuck(self) -> bool:
        """Whether nothing can be shipped at present."""
        return self._failures > 1

    def start(self, *, grace: float = 0.0) -> None:
        """Once. Raises ``RuntimeError`` where the process can have no more threads."""
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, args=(grace,), name="byline-ship", daemon=True)
        thread.start()
        self._thread = thread

    def hear(self) -> None:
        """Something was sealed. A bucket that did not answer is left alone until its time has come."""
        if self._failures == 0:
            self._wake.set()

    def hurry(self) -> None:
        """Somebody waits: try now, whatever happened before."""
        self._failures = 0
        self._wake.set()

    def stop(self, seconds: float | None) -> None:
        """End, after the segment in hand, if that is soon enough; else when its bucket answers."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        if not self.is_running:
            self._shipping.carrier.close()

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def step(self) -> Outcome:
        """One pass; what is gone from the folder counts as shipped, whoever did it."""
        level, mine = self._writer.level, self._writer.sealed
        try:
            found = look(self._shipping.folder)
            if self._shipping.carrier.barred:
                self._complaints.say("fork", _LEFT_TO_OTHERS, level=logging.WARNING)
                outcome = Outcome()
            else:
                outcome = self._shipping.ship(found)
            self._writer.measure(found.bytes - outcome.bytes, level)
        except Exception as error:  # noqa: BLE001 - a bucket's client may raise anything, and the thread must live
            outcome = Outcome(error=error)
        self._writer.settle(stem for stem in mine if self._shipping.is_gone(stem))
        return outcome

    def _run(self, grace: float) -> None:
        self._wake.wait(grace)
        while not self._stop.is_set():
            self._wake.clear()
            outcome = self.step()
            if outcome.error is None:
                self._failures = 0
                self._wake.wait(LOOK_EVERY)
            else:
                self._failures += 1
                self._report(outcome.error)
                self._wake.wait(delay(self._failures))

    def _report(self, error: Exception) -> None:
        self._tally.error(error)
        self._tally.add(retries=1)
        self._complaints.say("ship", f"events wait in the spool, they could not be shipped: {sentence(error)}")


def delay(failures: int) -> float:
    """Seconds to wait before the next try: exponential backoff with full jitter, so that many processes whose bucket
    comes back do not all ask at the same moment."""
    return random.uniform(0.0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures, 16)))  # noqa: S311 - no secret


_LEFT_TO_OTHERS = (
    "this process was forked from one that has used the cloud's client, which does not survive that: its segments are "
    "left to the other processes on this spool, or to `byline ship`. Record after the fork only, or spawn workers"
)
