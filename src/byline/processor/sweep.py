"""An announcement may be lost, an object may not: compare the bucket with what the history has taken, and announce the
rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from byline.bucket.keys import EVENTS
from byline.bucket.port import Bucket
from byline.history.port import Writer
from byline.queue.port import Announcement, DeadMessage, Queue

KEYS_AT_A_TIME = 1_000


def is_event_key(key: str) -> bool:
    """Whether an object under this key holds events. Consoles mark folders with empty objects whose name ends in a
    slash."""
    return key.startswith(EVENTS) and not key.endswith("/")


def announce_missing(bucket: Bucket, queue: Queue, writer: Writer) -> int:
    """Announce every object that has not been taken. Says how many.

    What the queue has given up is left alone: it is a dead letter, ``gave_up``, until somebody replays it.
    """
    given_up = {announcement.key for message in queue.dead() for announcement in message.announcements}
    announced = 0
    for keys in untaken(bucket, writer):
        missing = [Announcement(bucket.name, key) for key in keys if key not in given_up]
        queue.announce(missing)
        announced += len(missing)
    return announced


def untaken(bucket: Bucket, writer: Writer) -> Iterator[list[str]]:
    """The keys of objects that have not been taken, some at a time, in order."""
    for keys in _some(info.key for info in bucket.list(EVENTS) if is_event_key(info.key)):
        taken = writer.taken(keys)
        missing = [key for key in keys if key not in taken]
        if missing:
            yield missing


def forget_settled(queue: Queue, writer: Writer) -> int:
    """Drop dead messages whose objects have all been taken since, by a replay or a rebuild. Says how many."""
    dead = queue.dead()
    return queue.discard([message.id for message in dead if is_settled(message, writer)]) if dead else 0


def is_settled(message: DeadMessage, writer: Writer) -> bool:
    """Whether everything that a message announced has been taken."""
    keys = {announcement.key for announcement in message.announcements}
    return writer.taken(keys) == keys


def _some(keys: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for key in keys:
        chunk.append(key)
        if len(chunk) == KEYS_AT_A_TIME:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
