"""An announcement may be lost, an object may not: compare the bucket with what the history has taken, and announce the
rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from byline.bucket.keys import EVENTS
from byline.bucket.port import Bucket, ObjectInfo
from byline.history.port import DeadLetters, History, Writer
from byline.processor.entry import foreign_letter, message_letter
from byline.queue.port import Announcement, DeadMessage, Queue

KEYS_AT_A_TIME = 1_000

ENOUGH = 10_000
"""Messages that wait: what is missing may be among them, and announcing it again would only make more."""


def is_event_key(key: str) -> bool:
    """Whether an object under this key holds events. Consoles mark folders with empty objects whose name ends in a
    slash."""
    return key.startswith(EVENTS) and not key.endswith("/")


GoOn = Callable[[str], bool]
"""Asked now and then, with the key behind which the next look begins: whether to look on."""


def _to_the_end(_key: str) -> bool:
    return True


def announce_missing(
    bucket: Bucket, queue: Queue, writer: Writer, *, after: str = "", go_on: GoOn = _to_the_end
) -> int:
    """Announce every object, from the key ``after`` on, that has not been taken as it is now. Says how many. One that
    was taken while it was being written is taken again, and comes to followers again.

    What the queue has given up is left alone: it is a dead letter, ``gave_up``, until somebody replays it.
    """
    given_up = {key for message in queue.dead() for key in given_up_keys(bucket, message)}
    announced = 0
    for keys, grown in _missing(bucket, writer, after=after, go_on=go_on):
        # Only these: another processor may be taking the rest at this moment, and what it took would come twice.
        if grown:
            writer.reopen(grown)
        missing = [Announcement(bucket.name, key) for key in keys if key not in given_up]
        queue.announce(missing)
        announced += len(missing)
    return announced


def untaken(bucket: Bucket, writer: Writer, *, after: str = "", go_on: GoOn = _to_the_end) -> Iterator[list[str]]:
    """The keys of objects that have not been taken, or had another size then, some at a time, in order."""
    for keys, _ in _missing(bucket, writer, after=after, go_on=go_on):
        yield keys


def _missing(bucket: Bucket, writer: Writer, *, after: str, go_on: GoOn) -> Iterator[tuple[list[str], list[str]]]:
    """The same; and those among them that were taken, with another size."""
    for infos in _some(info for info in bucket.list(EVENTS, after=after) if is_event_key(info.key)):
        sizes = writer.sizes([info.key for info in infos])
        missing = [info.key for info in infos if sizes.get(info.key) != info.size]
        if missing:
            yield missing, [key for key in missing if key in sizes]
        if not go_on(infos[-1].key):
            return


def forget_settled(bucket: Bucket, queue: Queue, history: History) -> int:
    """Drop dead messages that nobody needs any more: their objects have all been taken since, by a replay or a rebuild.
    What in them nobody understands, or is of another bucket, becomes a dead letter of the history before. Says how
    many."""
    dead = queue.dead()
    if not dead:
        return 0
    keys = {message.id: given_up_keys(bucket, message) for message in dead}
    taken = history.writer.taken(set().union(*keys.values()))
    for message in dead:
        _keep_what_is_no_object(bucket, message, history.dead_letters)
    return queue.discard([id for id, announced in keys.items() if announced <= taken])


def given_up_keys(bucket: Bucket, message: DeadMessage) -> set[str]:
    """The objects of events in this bucket that a message announced."""
    return {one.key for one in message.announcements if one.bucket == bucket.name and is_event_key(one.key)}


def _keep_what_is_no_object(bucket: Bucket, message: DeadMessage, letters: DeadLetters) -> None:
    found = [] if message.unread is None else [message_letter(message.unread, message.sent_at)]
    foreign = (one for one in message.announcements if one.bucket != bucket.name)
    found += [foreign_letter(one, bucket.name, message.sent_at) for one in foreign]
    for letter in found:
        if letters.get(letter.id) is None:
            letters.add(letter)


def _some(infos: Iterable[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    chunk: list[ObjectInfo] = []
    for info in infos:
        chunk.append(info)
        if len(chunk) == KEYS_AT_A_TIME:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
