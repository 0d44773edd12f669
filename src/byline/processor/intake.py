"""From announcements in hand to rows in the history."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Event
from time import monotonic
from typing import Protocol

from msgspec import Struct

from byline.bucket.keys import EVENTS
from byline.bucket.port import Bucket
from byline.errors import BylineError, HistoryDown, ObjectMissing, QueueError, Unreachable
from byline.history.port import Counts, DeadLetter, History
from byline.processor.batch import Batch, NotTaken
from byline.processor.entry import foreign_letter, message_letter, object_letter, printable
from byline.processor.sweep import is_event_key
from byline.queue.port import Announcement, Delivery, Depth

MISSING_AFTER = 3
"""Deliveries after which an object that is not there becomes a dead letter, ``object_missing``."""

_INVISIBLE = 120.0
"""Seconds that deliveries in hand are kept from others, renewed long before they run out."""
_HEARTBEAT = 5.0

_log = logging.getLogger("byline.processor")


class Hand(Protocol):
    """What is needed of a queue whose messages are in hand already."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None: ...

    def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None: ...

    def depth(self) -> Depth: ...


class Failure(Struct, frozen=True):
    """A delivery that could not be taken now, and why."""

    delivery: Delivery
    error: BaseException


class _Stopped(Exception):
    """Somebody asked us to end."""


class Intake:
    """Takes deliveries: reads what they announce, stores it, and acknowledges each once its objects are stored.

    Deliveries that come for the first time share transactions. One that comes again is taken alone, so that an object
    which the history cannot store never keeps its neighbours from being stored."""

    def __init__(
        self, bucket: Bucket, queue: Hand, history: History, *, stop: Event, committed: Callable[[Counts], None]
    ) -> None:
        self._bucket = bucket
        self._queue = queue
        self._history = history
        self._stop = stop
        self._told = committed
        self._batch = Batch(history.writer, self._committed)
        self._ready: list[Delivery] = []
        self._stored: list[Delivery] = []
        self._keys: set[str] = set()
        self._taken: set[str] = set()
        self._reading = False
        self._beat = monotonic()
        self.held: dict[str, Delivery] = {}
        """What is in hand and not acknowledged, by receipt: the caller's to release, whatever happens."""

    def take(self, deliveries: Sequence[Delivery]) -> list[Failure]:
        """Take them all; says which failed. What :attr:`held` has beside those was not begun, because of ``stop``.

        Raises :class:`~byline.errors.Unreachable` where bucket, queue or history is down, and not just one object in
        trouble."""
        self.held = {delivery.receipt: delivery for delivery in deliveries}
        self._beat = monotonic()
        self._taken = self._history.writer.taken(self._wanted(deliveries))
        again = sorted((one for one in deliveries if one.receive_count > 1), key=lambda one: one.receive_count)
        failures = self._together([one for one in deliveries if one.receive_count <= 1])
        for delivery in again:
            if self._stop.is_set():
                break
            failures += self._together([delivery])
        return failures

    def _wanted(self, deliveries: Iterable[Delivery]) -> set[str]:
        return {
            announcement.key
            for delivery in deliveries
            for announcement in delivery.announcements
            if announcement.bucket == self._bucket.name and is_event_key(announcement.key)
        }

    def _together(self, deliveries: Sequence[Delivery]) -> list[Failure]:
        failures: list[Failure] = []
        for delivery in deliveries:
            try:
                self._read(delivery)
                self._ready.append(delivery)
            except _Stopped:
                break
            except NotTaken as error:
                failures += self._lost([*self._ready, delivery], error)
            except QueueError:
                raise
            except Exception as error:  # noqa: BLE001  # one object's trouble, whatever it is, stops no other
                failures.append(self._failed(delivery, error))
            self._acknowledge()
        try:
            self._batch.flush()
        except NotTaken as error:
            failures += self._lost(self._ready, error)
        self._stored += self._ready
        self._ready = []
        self._acknowledge()
        return failures

    def _read(self, delivery: Delivery) -> None:
        self._look_around()
        if delivery.unread is not None:
            self._keep(message_letter(delivery.unread, delivery.sent_at))
        for announcement in delivery.announcements:
            self._look_around()
            if announcement.bucket != self._bucket.name:
                self._refuse_foreign(announcement, delivery)
            elif is_event_key(announcement.key) and not self._is_taken(announcement.key):
                self._read_object(announcement.key, delivery)

    def _is_taken(self, key: str) -> bool:
        return key in self._taken or key in self._keys

    def _read_object(self, key: str, delivery: Delivery) -> None:
        try:
            with self._bucket.open(key) as opened:
                self._batch.add(opened.info, self._beating(opened))
        except ObjectMissing:
            if delivery.receive_count < MISSING_AFTER:
                raise
            detail = "it was announced, but the bucket has no such object"
            self._keep(object_letter(printable(key), "object_missing", detail, delivery.sent_at))
        else:
            self._keys.add(key)
        finally:
            self._reading = False

    def _refuse_foreign(self, announcement: Announcement, delivery: Delivery) -> None:
        self._keep(foreign_letter(announcement, self._bucket.name, delivery.sent_at))

    def _keep(self, letter: DeadLetter) -> None:
        letters = self._history.dead_letters
        if letters.get(letter.id) is None:
            letters.add(letter)
            self._told(Counts(dead_letters=1))

    def _beating(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The object's chunks, and a look around between them."""
        self._reading = True
        try:
            for chunk in chunks:
                self._look_around()
                yield chunk
        finally:
            self._reading = False

    def _look_around(self) -> None:
        """Keep the deliveries in hand from others; hear a wish to end."""
        if self._stop.is_set():
            raise _Stopped
        if monotonic() - self._beat > _HEARTBEAT:
            self._queue.extend(list(self.held.values()), _INVISIBLE)
            self._beat = monotonic()

    def _committed(self, counts: Counts) -> None:
        self._stored += self._ready
        self._ready = []
        self._taken |= self._keys
        self._keys = set()
        self._told(counts)
        if self._reading:
            # One chunk of a compressed object may be many transactions.
            self._look_around()

    def _acknowledge(self) -> None:
        stored, self._stored = self._stored, []
        if stored:
            self._queue.acknowledge(stored)
            for delivery in stored:
                self.held.pop(delivery.receipt, None)

    def _lost(self, deliveries: Sequence[Delivery], error: NotTaken) -> list[Failure]:
        """A batch was not stored: none of what shared it is."""
        self._ready = []
        self._keys = set()
        cause = error.__cause__ or error
        self._report(cause, f"a batch of {len(deliveries)} announcements")
        return [Failure(delivery, cause) for delivery in deliveries]

    def _failed(self, delivery: Delivery, error: Exception) -> Failure:
        self._report(error, ", ".join(announcement.key for announcement in delivery.announcements))
        return Failure(delivery, error)

    def _report(self, error: BaseException, what: str) -> None:
        """Tell the log why; raises where the trouble is everybody's."""
        if isinstance(error, HistoryDown):
            raise error
        if isinstance(error, Unreachable):
            check_reachable(self._bucket, self._queue, self._history)
        trace = None if isinstance(error, BylineError) else error
        _log.warning("not taken, will be tried again: %s: %s", what, str(error) or type(error).__name__, exc_info=trace)


def check_reachable(bucket: Bucket, queue: Hand, history: History) -> None:
    """Raises :class:`~byline.errors.Unreachable` where one of the three does not answer."""
    next(iter(bucket.list(EVENTS)), None)
    queue.depth()
    history.writer.check()
