"""Ctrl-C and SIGTERM end a long command after the transaction in hand; a second Ctrl-C ends it at once."""

from __future__ import annotations

import math
import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep
from types import FrameType

import typer

INTERRUPTED = 130
_LOOK_EVERY = 0.1


class Stop(Event):
    """Set by the first signal. A handler only lifts a flag: an Event's own lock may be held by the very code it
    interrupts."""

    heard = False
    interrupted = False

    def is_set(self) -> bool:
        return self.heard or super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        until = math.inf if timeout is None else monotonic() + timeout
        while not self.is_set() and monotonic() < until:
            sleep(min(_LOOK_EVERY, max(0.0, until - monotonic())))
        return self.is_set()

    def end(self) -> None:
        """End the command as Ctrl-C wants it, if that is what ended it. SIGTERM is the usual way to end a service:
        status 0."""
        if self.interrupted:
            raise typer.Exit(INTERRUPTED)


@contextmanager
def stopping() -> Generator[Stop]:
    """While it lasts, SIGINT and SIGTERM set the stop that it gives."""
    stop = Stop()

    def hear(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            if stop.interrupted:
                raise KeyboardInterrupt
            stop.interrupted = True
        stop.heard = True

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
