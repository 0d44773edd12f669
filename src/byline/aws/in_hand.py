"""The messages that Lambda hands over: a queue of which everything is in hand already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from byline.errors import UsageError
from byline.queue.notification import Notifications
from byline.queue.port import Delivery, Depth

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InHand:
    """One event of SQS (AWS Lambda developer guide, "Using Lambda with Amazon SQS"). What is not acknowledged when the
    handler returns is reported, and comes back; the queue itself keeps it from others meanwhile."""

    def __init__(self, event: Mapping[str, Any], notifications: Notifications) -> None:
        """Raises :class:`~byline.errors.UsageError` for an event of something else."""
        try:
            self.deliveries = [_delivery(record, notifications) for record in event["Records"]]
            self._ids = {record["receiptHandle"]: str(record["messageId"]) for record in event["Records"]}
        except (KeyError, TypeError, ValueError) as error:
            hint = "Let the function's event source be the queue, or use the admin function."
            raise UsageError(f"this is no event of SQS: {error!r}", hint=hint) from error

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._ids.pop(delivery.receipt, None)

    def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        """The queue's visibility timeout is longer than the function may run."""

    def depth(self) -> Depth:
        return Depth(0, len(self._ids), 0)

    @property
    def left(self) -> list[Delivery]:
        """Those that were not acknowledged."""
        return [delivery for delivery in self.deliveries if delivery.receipt in self._ids]

    @property
    def failures(self) -> list[dict[str, str]]:
        """Of a partial batch response: what is to come back. Never an empty or unknown id: that would fail all."""
        return [{"itemIdentifier": id} for id in self._ids.values()]

    @property
    def oldest(self) -> float:
        """Seconds since the oldest of them was sent."""
        now = datetime.now(UTC)
        return max(((now - delivery.sent_at).total_seconds() for delivery in self.deliveries), default=0.0)


def _delivery(record: Mapping[str, Any], notifications: Notifications) -> Delivery:
    heard = notifications.read(record["messageId"], record["body"])
    return Delivery(
        receipt=record["receiptHandle"],
        receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
        sent_at=_EPOCH + timedelta(milliseconds=int(record["attributes"]["SentTimestamp"])),
        announcements=heard.announcements,
        unread=heard.unread,
    )
