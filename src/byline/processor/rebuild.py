"""The history from the bucket, from nothing: the bucket is the source of truth."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from msgspec import Struct

from byline.bucket.keys import EVENTS
from byline.bucket.port import Bucket
from byline.errors import ObjectMissing, Unreachable
from byline.history.port import Counts, History
from byline.processor.batch import Batch, NotTaken
from byline.processor.counts import add_counts
from byline.processor.dismissals import apply_dismissals
from byline.processor.intake import check_reachable
from byline.processor.sweep import KEYS_AT_A_TIME, is_event_key
from byline.queue.port import Announcement, Queue


class Done(Struct, kw_only=True):
    """How far a rebuild has come."""

    objects: int = 0
    """Read so far, or taken before an interruption."""
    total: int = 0
    counts: Counts
    announced: int = 0
    """Objects that could not be taken, and were announced for the processor to try again."""


Progress = Callable[[Done], None]


def rebuild(
    bucket: Bucket, queue: Queue, history: History, *, resume: bool = False, progress: Progress | None = None
) -> Done:
    """Empty the history, then take every object in the order in which the bucket got them, then apply the dismissals.

    With ``resume`` nothing is emptied, and what has been taken is not read again: so an interrupted rebuild goes on. An
    object that cannot be taken is announced, which gives it a processor's patience, and a dead letter in the end.
    Raises :class:`~byline.errors.Unreachable` where bucket or history is down."""
    history.writer.migrate()
    with closing(_Ordered(bucket)) as objects:
        if not resume:
            history.writer.clear()
        work = _Rebuild(bucket, queue, history, Done(total=objects.total, counts=Counts()), progress)
        for keys in objects:
            work.take(keys)
        work.finish()
    apply_dismissals(bucket, history.dead_letters, set())
    return work.done


class _Ordered:
    """All objects of events, by time of writing, then key. Sorted in a temporary file, so that memory does not grow
    with them."""

    def __init__(self, bucket: Bucket) -> None:
        # A database without a name is private, lives in memory while it is small, and is removed
        # (sqlite.org/inmemorydb.html).
        self._sorted = sqlite3.connect("", isolation_level=None)
        self._sorted.execute(
            "CREATE TABLE object (written_at REAL, key TEXT, PRIMARY KEY (written_at, key)) WITHOUT ROWID"
        )
        self._sorted.execute("BEGIN")
        self._sorted.executemany(
            "INSERT INTO object VALUES (?, ?)",
            ((info.last_modified.timestamp(), info.key) for info in bucket.list(EVENTS) if is_event_key(info.key)),
        )
        self._sorted.execute("COMMIT")
        self.total: int = self._sorted.execute("SELECT count(*) FROM object").fetchone()[0]

    def __iter__(self) -> Iterator[list[str]]:
        cursor = self._sorted.execute("SELECT key FROM object ORDER BY written_at, key")
        while rows := cursor.fetchmany(KEYS_AT_A_TIME):
            yield [key for (key,) in rows]

    def close(self) -> None:
        self._sorted.close()


class _Rebuild:
    """Reads objects into batches; keeps track of which are in the batch that is not stored yet."""

    def __init__(self, bucket: Bucket, queue: Queue, history: History, done: Done, progress: Progress | None) -> None:
        self._bucket = bucket
        self._queue = queue
        self._history = history
        self._progress = progress
        self._batch = Batch(history.writer, self._committed)
        self._in_batch: list[str] = []
        self.done = done

    def take(self, keys: list[str]) -> None:
        taken = self._history.writer.taken(keys)
        for key in keys:
            if key in taken:
                self.done.objects += 1
            else:
                self._take_object(key)
        self._tell()

    def finish(self) -> None:
        try:
            self._batch.flush()
        except NotTaken as error:
            self._leave(self._in_batch, error.__cause__)
        self._tell()

    def _take_object(self, key: str) -> None:
        try:
            with self._bucket.open(key) as opened:
                self._batch.add(opened.info, opened)
            self._in_batch.append(key)
        except ObjectMissing:
            pass  # removed since it was listed
        except NotTaken as error:
            self._leave([*self._in_batch, key], error.__cause__)
            self._in_batch.clear()
        except Exception as error:  # noqa: BLE001  # one object's trouble, whatever it is, stops no other
            self._leave([key], error)

    def _leave(self, keys: Sequence[str], error: BaseException | None) -> None:
        """Leave objects that cannot be taken to the processor, which finds out what is wrong with which; unless all is
        down."""
        if isinstance(error, Unreachable):
            check_reachable(self._bucket, self._queue, self._history)
        self._queue.announce([Announcement(self._bucket.name, key) for key in keys])
        self.done.announced += len(keys)

    def _committed(self, counts: Counts) -> None:
        """All that was read whole is stored; of an object that is being read, perhaps only a part."""
        add_counts(counts, to=self.done.counts)
        self.done.objects += counts.objects
        self._in_batch.clear()
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.done)
