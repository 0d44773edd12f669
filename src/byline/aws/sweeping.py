"""A sweep within the time of a function: what was never taken is announced again."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from byline.aws import metrics, stores
from byline.aws.answers import ANSWERS
from byline.aws.context import Context
from byline.processor.dismissals import apply_dismissals
from byline.processor.sweep import ENOUGH, announce_missing, forget_settled

SPARE = 20.0
"""Seconds before Lambda's deadline at which a sweep stops."""

_log = logging.getLogger("byline.admin")


PLACES = f"{ANSWERS}sweeps/"
"""Where a sweep whose time is up leaves word for the next. Like answers, it may expire after a day: then the next one
begins at the beginning."""


def sweep(context: Context, after: str | None = None) -> dict[str, object]:
    """Compare the bucket with the history, from the key ``after`` on (by default from where the last sweep stopped),
    and announce what has not been taken; apply dismissals; keep what the queue gave up and nobody understands. Tells
    how many were announced, and where it stopped if its time was up."""
    history, queue = stores.history(), stores.queue()
    apply_dismissals(stores.bucket(), history.dead_letters, set())
    forget_settled(stores.bucket(), queue, history)
    waiting = queue.depth().waiting
    if waiting > ENOUGH:
        _log.warning("no sweep: %d messages wait already", waiting)
        return {"announced": 0, "waiting": waiting}
    stopped_at: list[str] = []

    def go_on(key: str) -> bool:
        if context.get_remaining_time_in_millis() / 1000 > SPARE:
            return True
        _log.warning("the sweep's time was up at %s", key)
        stopped_at.append(key)
        return False

    begun = _place() if after is None else after
    announced = announce_missing(stores.bucket(), queue, history.writer, after=begun, go_on=go_on)
    if after is None and (stopped_at or begun):
        _leave_place(stopped_at[0] if stopped_at else "")
    metrics.emit(context, {"Announced": announced, "SweepsCutShort": len(stopped_at)})
    return {"announced": announced, "stopped_at": stopped_at[0] if stopped_at else None}


def _place() -> str:
    """The key behind which the last sweep stopped; empty where it came to the end."""
    bucket = stores.bucket()
    left = max((info.key for info in bucket.list(PLACES)), default=None)
    if left is None:
        return ""
    with bucket.open(left) as opened:
        return b"".join(opened).decode("utf-8", "replace")


def _leave_place(key: str) -> None:
    """Objects are written once: the newest counts."""
    stores.bucket().put(f"{PLACES}{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt", key.encode())
