"""What must not be cut in half by a fork: an import under way, a descriptor that nobody has noted yet.

A child gets a copy of the one thread that forked, and of everything the others had just begun. A module that was half
imported stays half imported in the child for ever.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import ClassVar, Final

_PATIENCE: Final = 10.0
"""Seconds that a fork waits for what is under way."""


class _Now:
    """The state of this process."""

    lock = threading.RLock()  # a signal handler may fork, or record, while it is held
    slow = threading.RLock()
    process = os.getpid()
    forking: ClassVar[dict[int, list[tuple[threading.RLock, ...]]]] = {}
    """What each thread that forks holds; a signal handler may fork in the middle of a fork."""
    in_child: Callable[[], None] = staticmethod(lambda: None)


def whole() -> threading.RLock:
    """A lock: no fork in this process while it is held. Keep it short: whoever records may wait for it."""
    return _Now.lock


def opening() -> threading.RLock:
    """The same for what takes its time, such as an import, or opening a client or a database. Nobody who records, and
    nothing that makes events durable, ever waits for it. Where one thread takes both, this one comes first."""
    return _Now.slow


def when_forked(call: Callable[[], None]) -> None:
    """What a child has to do first. One callable for all of Byline."""
    _Now.in_child = staticmethod(call)


def notice() -> None:
    """Whoever may be in a child that was forked behind Python's back (uWSGI does) calls this first. Is idempotent, and
    does nothing elsewhere."""
    if _Now.process != os.getpid():
        _after_in_child()


def _before() -> None:
    held = tuple(lock for lock in (_Now.slow, _Now.lock) if lock.acquire(timeout=_PATIENCE))
    _Now.forking.setdefault(threading.get_ident(), []).append(held)


def _after_in_parent() -> None:
    held = _Now.forking.get(threading.get_ident())
    for lock in reversed(held.pop()) if held else ():
        lock.release()


def _after_in_child() -> None:
    _Now.process = os.getpid()
    _Now.lock, _Now.slow = threading.RLock(), threading.RLock()
    _Now.forking.clear()
    _Now.in_child()


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
