"""The processor on Lambda: what SQS hands over is taken into the history, and what is not is reported to come back.

Environment: ``BYLINE_BUCKET``, ``BYLINE_HISTORY``; ``BYLINE_QUEUE`` so that what failed comes back sooner, or later,
than the queue's visibility timeout says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from byline import wiring
from byline.aws import logs, metrics, stores
from byline.aws.context import Context
from byline.aws.in_hand import InHand
from byline.errors import BylineError, Unreachable
from byline.history.port import Counts
from byline.processor.counts import add_counts
from byline.processor.intake import Intake
from byline.queue.port import Delivery
from byline.queue.sqs import SqsQueue

logs.install()

_log = logging.getLogger("byline.processor")

SPARE = 10.0
"""Seconds before Lambda's deadline at which no more is begun, a fifth of the time at most: what was read is to be
stored, and what was not to be reported."""

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 900.0
_FIRST_OUTAGE, _LONGEST_OUTAGE = 30.0, 1800.0
"""Seconds until a message comes back: because of its own trouble, or because bucket or history are down. Five tries
then last an hour; each pause is four times the one before."""


def handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of SQS messages; answers with those that are to come back (``ReportBatchItemFailures``).

    Raises :class:`~byline.errors.Unreachable` where nothing at all could be taken, so that Lambda counts an error."""
    logs.begin(context)
    in_hand = InHand(event, wiring.notifications_of(stores.settings()))
    counts = Counts()
    down: Unreachable | None = None
    try:
        with _time_limit(context) as stop:
            _take(in_hand, counts, stop)
    except Unreachable as error:
        down = error
        _log.error("bucket, queue or history is down: %s", error, exc_info=error)
    failures = in_hand.failures
    _report(context, in_hand, counts)
    if failures:
        _put_off(in_hand, outage=down is not None)
    if down is not None and len(failures) == len(in_hand.deliveries):
        raise down
    return {"batchItemFailures": failures}


def _take(in_hand: InHand, counts: Counts, stop: threading.Event) -> None:
    intake = Intake(
        stores.bucket(),
        in_hand,
        stores.history(),
        stop=stop,
        committed=lambda some: add_counts(some, to=counts),
    )
    intake.take(in_hand.deliveries)
    if stop.is_set():
        _log.warning("the time was up: %d messages were not begun, or not finished", len(in_hand.failures))


@contextmanager
def _time_limit(context: Context) -> Generator[threading.Event]:
    """An event that is set a little before Lambda would end the process."""
    left = context.get_remaining_time_in_millis() / 1000
    stop = threading.Event()
    timer = threading.Timer(left - min(SPARE, left / 5), stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()


def _put_off(in_hand: InHand, *, outage: bool) -> None:
    """Let what failed come back after a pause of our own. Where that cannot be said, the queue's timeout holds."""
    settings = stores.settings()
    if not settings.queue.startswith("sqs:"):
        return
    first, longest = (_FIRST_OUTAGE, _LONGEST_OUTAGE) if outage else (_FIRST_PAUSE, _LONGEST_PAUSE)
    by_pause: dict[float, list[Delivery]] = {}
    for delivery in in_hand.left:
        pause = min(longest, first * 4 ** min(delivery.receive_count - 1, 10))
        by_pause.setdefault(pause, []).append(delivery)
    try:
        with closing(SqsQueue(settings.queue.removeprefix("sqs:"), settings.environ, hurried=True)) as queue:
            for pause, deliveries in by_pause.items():
                queue.release(deliveries, delay=pause)
    except BylineError as error:
        _log.warning("cannot say when messages are to come back: %s", error)


def _report(context: Context, in_hand: InHand, counts: Counts) -> None:
    metrics.emit(
        context,
        {
            "Objects": counts.objects,
            "Events": counts.events,
            "Changes": counts.changes,
            "Duplicates": counts.duplicates,
            "DeadLetters": counts.dead_letters,
            "Messages": len(in_hand.deliveries),
            "Failures": len(in_hand.failures),
            "OldestMessage": round(in_hand.oldest, 3),
        },
    )
