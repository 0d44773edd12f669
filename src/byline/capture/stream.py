"""Who records: each process is a stream of its own, with running numbers, so that what is missing can be named."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final
from uuid import UUID, SafeUUID

from byline.capture.complaints import Complaints

_COUNTER_BITS: Final = 42
_TAIL_BITS: Final = 32


class RecordingStream:
    """One process's, with its counters. Not to be used on both sides of a fork."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.numbers = count(1)
        self.event_ids = EventIds()
        self.complaints = Complaints()
        self.failed = 0
        self.cut = 0
        self.repaired = 0
        self.last_error: str | None = None
        self._lock = threading.RLock()

    def count(self, *, failed: int = 0, cut: int = 0, repaired: int = 0, error: str | None = None) -> None:
        """Add to the counters."""
        with self._lock:
            self.failed += failed
            self.cut += cut
            self.repaired += repaired
            self.last_error = error or self.last_error


class EventIds:
    """UUIDv7 (RFC 9562 §5.7), each greater than the one before, also within a millisecond and when the clock goes back.

    Behind the milliseconds stands a counter of 42 bits that begins at a random place each time (§6.2, method 1), and 32
    random bits that tell processes apart.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._random = random.Random(secrets.randbits(128))  # noqa: S311 - unique is enough, nobody need be unable to guess it
        self._tail = secrets.randbits(_TAIL_BITS)
        self._now: tuple[int, Iterator[int]] = (-1, count())
        """The millisecond that has come, and its counter."""

    def next(self, milliseconds: int) -> UUID:
        """``milliseconds`` since 1970."""
        now, counters = self._now
        if milliseconds > now:
            now, counters = self._moved(milliseconds)
        # One step of the interpreter: no other thread, and no signal handler, gets the same.
        counter = next(counters)
        while counter >> _COUNTER_BITS:
            now, counters = self._moved(now + 1)
            counter = next(counters)
        high = now << 16 | 0x7 << 12 | counter >> 30
        low = 0b10 << 62 | (counter & (1 << 30) - 1) << _TAIL_BITS | self._tail
        return _uuid(high << 64 | low)

    def _moved(self, milliseconds: int) -> tuple[int, Iterator[int]]:
        """Where the clock stands now; it never goes back."""
        with self._lock:
            if milliseconds > self._now[0]:
                self._now = (milliseconds, count(self._random.getrandbits(_COUNTER_BITS - 1)))
            return self._now


def _uuid(number: int) -> UUID:
    """``UUID(int=number)`` without its looks at five other ways to say it: most of what an event's id would cost."""
    made = _new(UUID)
    _set_number(made, number)
    _set_safe(made, _UNKNOWN)
    return made


_new: Final = object.__new__
_set_number: Final[Callable[[UUID, int], None]] = vars(UUID)["int"].__set__
_set_safe: Final[Callable[[UUID, SafeUUID], None]] = vars(UUID)["is_safe"].__set__
_UNKNOWN: Final = SafeUUID.unknown
