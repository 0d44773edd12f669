"""The queue on SQS: what S3 announces by itself, and what Byline announces beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from byline import amazon
from byline.errors import QueueError
from byline.queue.notification import Notifications
from byline.queue.port import Announcement, DeadMessage, Delivery, Depth
from byline.queue.sqs_address import dead_queue, region_of

BATCH = 10
"""The most that one call takes, of any kind."""
LONGEST_WAIT = 20
"""Seconds of one long poll."""
LONGEST_INVISIBLE = 12 * 3600
"""Seconds that SQS keeps a message from others, counted from when it was received."""
DEAD_AT_MOST = 2_000
"""Dead messages that are looked at in one go: each ten of them take a call."""

_LOOKING = 60
"""Seconds that dead messages are kept from others while we look at them."""
_ATTRIBUTES = ["ApproximateReceiveCount", "SentTimestamp"]
_COUNTS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
]
_DENIED = (
    "Let this role use the queue and its dead-letter queue: sqs:ReceiveMessage, sqs:DeleteMessage, sqs:SendMessage, "
    "sqs:ChangeMessageVisibility, sqs:GetQueueAttributes."
)
_MISSING = "Create the queue, or set BYLINE_QUEUE to sqs: and its URL."

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")
Message = dict[str, Any]


class _Held:
    """Dead messages in hand: from which queue, and how often each was tried."""

    def __init__(self, url: str, tries: int) -> None:
        self.url = url
        self.tries = tries
        self.messages: list[Message] = []


class SqsQueue:
    """A queue of SQS, standard and not FIFO (S3 cannot send to those).

    How long a message in hand stays invisible, and how often it is handed out, are the queue's own settings there:
    ``VisibilityTimeout`` and ``RedrivePolicy``. What it gave up is read from its dead-letter queue. ``poll`` is how
    many seconds a receive asks for at least: asked for none, SQS looks at some of its servers only, and may say
    nothing where there is something.
    """

    def __init__(
        self,
        url: str,
        environ: Mapping[str, str],
        *,
        notifications: Notifications | None = None,
        poll: int = 1,
        hurried: bool = False,
    ) -> None:
        """``environ`` holds AWS's usual variables. ``hurried``: what does not work at once is given up. Nothing is
        asked of AWS yet."""
        self._url = url
        self._environ = environ
        self._notifications = notifications or Notifications()
        self._poll = poll
        self._hurried = hurried
        self._client: Any = None
        self._pid = 0

    def announce(self, announcements: Iterable[Announcement]) -> None:
        bodies = map(self._notifications.write, announcements)
        for some in _batches(bodies):
            self._send(some)

    def receive(self, limit: int = 10, *, wait: float = 0.0) -> list[Delivery]:
        deadline = time.monotonic() + wait
        while True:
            left = deadline - time.monotonic()
            seconds = max(self._poll, min(LONGEST_WAIT, round(left)))
            found = self._receive(self._url, min(limit, BATCH), wait=seconds)
            if found or deadline - time.monotonic() <= 0:
                return [self._delivery(message) for message in found]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self._delete(self._url, [delivery.receipt for delivery in deliveries])

    def release(self, deliveries: Sequence[Delivery], *, delay: float = 0.0) -> None:
        self._hide(self._url, [delivery.receipt for delivery in deliveries], delay)

    def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        self._hide(self._url, [delivery.receipt for delivery in deliveries], seconds)

    def depth(self) -> Depth:
        told = self._attributes(self._url, [*_COUNTS, "RedrivePolicy"])
        dead = dead_queue(self._url, told)
        waiting, delayed, in_flight = _counts(told)
        return Depth(waiting + delayed, in_flight, sum(_counts(self._attributes(dead.url, _COUNTS))) if dead else 0)

    def dead(self, limit: int = 0) -> list[DeadMessage]:
        with self._looking(limit or DEAD_AT_MOST) as held:
            return [self._dead_message(message, held.tries) for message in held.messages]

    def redrive(self, ids: Sequence[str]) -> int:
        """By sending each again and then deleting it: whoever is killed in between has put one back twice."""

        def back(some: Sequence[Message], dead: str) -> None:
            self._send([message["Body"] for message in some])
            self._delete(dead, _receipts(some))

        return self._settle_dead(ids, back)

    def discard(self, ids: Sequence[str]) -> int:
        return self._settle_dead(ids, lambda some, dead: self._delete(dead, _receipts(some)))

    def close(self) -> None:
        """Is idempotent."""
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()

    def _delivery(self, message: Message) -> Delivery:
        heard = self._notifications.read(message["MessageId"], message["Body"])
        return Delivery(
            receipt=message["ReceiptHandle"],
            receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
            sent_at=_moment(message["Attributes"]["SentTimestamp"]),
            announcements=heard.announcements,
            unread=heard.unread,
        )

    def _dead_message(self, message: Message, tries: int) -> DeadMessage:
        """Its own count goes on rising as one looks, so the queue's limit tells how often it was tried."""
        heard = self._notifications.read(message["MessageId"], message["Body"])
        return DeadMessage(
            id=message["MessageId"],
            announcements=heard.announcements,
            sent_at=_moment(message["Attributes"]["SentTimestamp"]),
            receive_count=tries,
            unread=heard.unread,
        )

    def _settle_dead(self, ids: Sequence[str], settle: Callable[[Sequence[Message], str], None]) -> int:
        wanted = set(ids)
        if not wanted:
            return 0
        with self._looking(DEAD_AT_MOST) as held:
            found = [message for message in held.messages if message["MessageId"] in wanted]
            for some in _batches(found):
                settle(some, held.url)
                held.messages = [message for message in held.messages if message not in some]
            return len(found)

    @contextmanager
    def _looking(self, limit: int) -> Generator[_Held]:
        """Dead messages in hand; those that are still among them at the end are given back."""
        dead = dead_queue(self._url, self._attributes(self._url, ["RedrivePolicy"]))
        held = _Held(dead.url if dead else "", dead.tries if dead else 0)
        try:
            while dead and len(held.messages) < limit:
                wanted = min(BATCH, limit - len(held.messages))
                some = self._receive(dead.url, wanted, wait=self._poll, VisibilityTimeout=_LOOKING)
                if not some:
                    break
                held.messages += some
            yield held
        finally:
            self._hide(held.url, _receipts(held.messages), 0)

    def _send(self, bodies: Sequence[str]) -> None:
        """At most ten; those that SQS did not take are sent once more."""
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        failed = self._send_entries(entries)
        if failed:
            failed = self._send_entries([entry for entry in entries if entry["Id"] in failed])
        if failed:
            raise QueueError(
                f"the queue did not take {len(failed)} messages: {next(iter(failed.values()))}",
                hint="Try again: nothing was lost, and what was taken does no harm twice.",
            )

    def _send_entries(self, entries: Sequence[Message]) -> dict[str, str]:
        """Which were not taken, by id, and why."""
        answer = self._ask("send_message_batch", QueueUrl=self._url, Entries=entries)
        taken = {one["Id"] for one in answer.get("Successful", ())}
        why = {one["Id"]: one.get("Message") or one.get("Code", "") for one in answer.get("Failed", ())}
        return {
            one["Id"]: why.get(one["Id"], "its answer does not say so") for one in entries if one["Id"] not in taken
        }

    def _receive(self, url: str, limit: int, *, wait: int, **more: int) -> list[Message]:
        answer = self._ask(
            "receive_message",
            QueueUrl=url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait,
            AttributeNames=_ATTRIBUTES,
            **more,
        )
        return list(answer.get("Messages", ()))

    def _delete(self, url: str, receipts: Sequence[str]) -> None:
        """What fails here comes back, and is found to be stored already."""
        for some in _batches(receipts):
            entries = [{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(some)]
            self._ask("delete_message_batch", QueueUrl=url, Entries=entries)

    def _hide(self, url: str, receipts: Sequence[str], seconds: float) -> None:
        """A receipt that has run out is refused, one by one; that does no harm."""
        timeout = max(0, min(LONGEST_INVISIBLE, round(seconds)))
        for some in _batches(receipts):
            entries = [
                {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": timeout} for n, receipt in enumerate(some)
            ]
            self._ask("change_message_visibility_batch", QueueUrl=url, Entries=entries)

    def _attributes(self, url: str, names: Sequence[str]) -> Mapping[str, str]:
        answer = self._ask("get_queue_attributes", QueueUrl=url, AttributeNames=list(names))
        found: Mapping[str, str] = answer.get("Attributes", {})
        return found

    def _ask(self, call: str, **arguments: Any) -> Message:
        """One call of SQS, by its name in boto3."""
        if self._client is None or self._pid != os.getpid():
            # A child of a fork would share its parent's connections.
            self._client = amazon.client("sqs", self._environ, region=region_of(self._url), hurried=self._hurried)
            self._pid = os.getpid()
        with amazon.translated(self._error, denied=_DENIED, missing=_MISSING):
            answer: Message = getattr(self._client, call)(**arguments)
        return answer

    def _error(self, sentence: str, hint: str) -> QueueError:
        return QueueError(f"the queue {self._url} does not answer: {sentence}", hint=hint)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


def _receipts(messages: Iterable[Message]) -> list[str]:
    return [message["ReceiptHandle"] for message in messages]


def _counts(attributes: Mapping[str, str]) -> tuple[int, int, int]:
    waiting, delayed, in_flight = (int(attributes.get(name, 0)) for name in _COUNTS)
    return waiting, delayed, in_flight


def _moment(milliseconds: str) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(milliseconds))
