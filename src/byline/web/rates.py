"""How often one caller may ask. Each process counts for itself, in memory."""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from byline.web.caller import Caller
from byline.web.refusals import TooMany

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import FixedWindowRateLimiter


class Rates(Protocol):
    """Counts calls."""

    def count(self, caller: Caller) -> None:
        """One more call. Raises :class:`~byline.web.refusals.TooMany` where it is one too many."""


class NoLimit:
    """Nobody is counted."""

    def count(self, caller: Caller) -> None: ...


class RateLimit:
    """So many calls of each caller in each span of time: ``"600/minute"``, as the library ``limits`` writes it.

    A caller on loopback without sign-in is this machine's own user, and is not counted."""

    def __init__(self, limit: str) -> None:
        self._text = limit

    @cached_property
    def _counted(self) -> tuple[RateLimitItem, FixedWindowRateLimiter]:
        """Loaded by the first caller who is counted: it takes a tenth of a second, and a function that has just been
        started has better to do."""
        from limits import parse  # noqa: PLC0415
        from limits.storage import MemoryStorage  # noqa: PLC0415
        from limits.strategies import FixedWindowRateLimiter  # noqa: PLC0415

        return parse(self._text), FixedWindowRateLimiter(MemoryStorage())

    def count(self, caller: Caller) -> None:
        """See :class:`Rates`."""
        if caller.local:
            return
        # Never by address: behind a proxy the caller may say which that is. Tokens without a subject share their
        # account's calls.
        name = f"{caller.verified_by}\n{caller.account_id}\n{caller.subject}"
        limit, limiter = self._counted
        if not limiter.hit(limit, name):
            ends = limiter.get_window_stats(limit, name).reset_time
            raise TooMany(max(1, math.ceil(ends - time.time())))


def rates_of(limit: str) -> Rates:
    """``"off"`` limits nobody. Raises ``ValueError`` where the text names no rate."""
    return NoLimit() if limit == "off" else RateLimit(limit)
