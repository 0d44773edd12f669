"""What came of the replays that readers asked for, as far as this process remembers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from byline.history.port import DeadLetter

KEPT: Final = 50


class Outcome(Struct, frozen=True, kw_only=True):
    """A replay: of which letter, by whom, when, and what came of it."""

    letter: DeadLetter
    by: str | None
    at: datetime
    accepted: bool
    same: bool
    """Refused for the reason that it had before."""
    entity: tuple[str, str] | None = None
    """What the event that it is now is of, where it was accepted."""


class Replays:
    """The last outcomes, newest first; shared by the threads that answer."""

    def __init__(self) -> None:
        self._kept: deque[Outcome] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Remember these in the place of older ones of the same letters."""
        with self._lock:
            ids = {outcome.letter.id for outcome in outcomes}
            rest = [kept for kept in self._kept if kept.letter.id not in ids]
            self._kept = deque([*outcomes, *rest][:KEPT], maxlen=KEPT)

    def all(self) -> list[Outcome]:
        with self._lock:
            return list(self._kept)
