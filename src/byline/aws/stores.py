"""Bucket, queue and history of a function: opened when they are first needed, kept for the calls that follow.

Nothing is opened while a module is imported: a snapshot is taken of what was imported (SnapStart), and a connection in
it would be dead when it is woken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from byline import wiring
from byline.bucket.port import Bucket
from byline.history.port import DeadLetters, History, Reader, Writer
from byline.queue.port import Queue
from byline.settings import Settings

T = TypeVar("T")


_everything: list[Opened[Any]] = []


class Opened(Generic[T]):
    """Something that is made at its first use, once, and again after :meth:`forget`."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []
        _everything.append(self)

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    @property
    def made(self) -> tuple[T, ...]:
        """It, if it was made."""
        return tuple(self._made)

    def forget(self) -> None:
        """It is of no use any more."""
        with self._lock:
            self._made.clear()


settings: Opened[Settings] = Opened(Settings.load)
bucket: Opened[Bucket] = Opened(lambda: wiring.open_bucket(settings()))
queue: Opened[Queue] = Opened(lambda: wiring.open_queue(settings()))
history: Opened[History] = Opened(lambda: wiring.open_history(settings()))


def forget() -> None:
    """What was opened before a snapshot is of no use after it."""
    for opened in _everything:
        opened.forget()


def close() -> None:
    """Close what is open."""
    for opened in (queue, history):
        for made in opened.made:
            made.close()
    forget()


def prepare() -> None:
    """Load what a call will need, and open nothing: before a snapshot, so that it is in it."""
    wiring.open_history(settings()).close()
    wiring.open_bucket(settings())


class Lazy:
    """Stands for something that is made at its first use."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        """Of what it stands for."""
        return getattr(self._made(), name)


def lazy_bucket() -> Bucket:
    """The bucket, for whoever wants one before there may be any."""
    return cast("Bucket", Lazy(bucket))


def lazy_queue() -> Queue:
    """The same for the queue."""
    return cast("Queue", Lazy(queue))


class LazyHistory:
    """The same for the history and its three halves."""

    def __init__(self) -> None:
        self.writer = cast("Writer", Lazy(lambda: history().writer))
        self.reader = cast("Reader", Lazy(lambda: history().reader))
        self.dead_letters = cast("DeadLetters", Lazy(lambda: history().dead_letters))

    def close(self) -> None:
        history().close()
        history.forget()
