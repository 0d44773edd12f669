"""A sweep within the time of a function: what was never taken is announced again."""

from __future__ import annotations

import logging

from byline.aws import metrics, stores
from byline.aws.context import Context
from byline.processor.dismissals import apply_dismissals
from byline.processor.sweep import announce_missing, forget_settled

SPARE = 20.0
"""Seconds before Lambda's deadline at which a sweep stops."""

ENOUGH = 10_000
"""Messages that wait: what is missing may be among them, and announcing it again would only make more."""

_log = logging.getLogger("byline.admin")


def sweep(context: Context, after: str = "") -> dict[str, object]:
    """Compare the bucket with the history, from the key ``after`` on, and announce what has not been taken; apply
    dismissals; keep what the queue gave up and nobody understands. Tells how many were announced, and where it stopped
    if its time was up."""
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

    announced = announce_missing(stores.bucket(), queue, history.writer, after=after, go_on=go_on)
    metrics.emit(context, {"Announced": announced, "SweepsCutShort": len(stopped_at)})
    return {"announced": announced, "stopped_at": stopped_at[0] if stopped_at else None}
