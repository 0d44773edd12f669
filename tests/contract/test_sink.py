"""What every sink promises (:mod:`byline.capture.port`)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from byline.bucket.folder import FolderBucket
from byline.capture.buffer import Buffer
from byline.capture.memory import MemorySink
from byline.capture.port import Sink
from byline.capture.spool import Spool
from byline.capture.spool_process import SpoolLimits
from byline.errors import BucketError, SinkError
from byline.queue.sqlite import SqliteQueue
from tests.unit.capture.spooling import PATIENCE, Place

EVENT = b'{"micro_service_name":"shop","n":%d}'
QUICK = SpoolLimits(seal_after=0.02)


class Watched(FolderBucket):
    """Remembers which threads came; fails as often as it is told."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.threads: set[int] = set()
        self.fail = 0

    def put(self, key: str, data: bytes | BinaryIO) -> bool:
        self.threads.add(threading.get_ident())
        if self.fail:
            self.fail -= 1
            raise BucketError("away", hint="Wait.")
        return super().put(key, data)


class Made:
    """A sink, and what came out of it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.place = Place(folder)
        self.bucket = Watched(self.place.bucket)
        self._kinds: dict[str, Callable[[], Sink]] = {
            "spool group": lambda: Spool(self.place.spool, lambda: self.bucket, self._queue, limits=QUICK),
            "spool fsync": lambda: Spool(
                self.place.spool, lambda: self.bucket, self._queue, limits=QUICK, durability="fsync"
            ),
            "buffer": lambda: Buffer(lambda: self.bucket, self._queue),
            "memory": MemorySink,
        }
        self.kind = kind
        self.sink = self._kinds[kind]()

    def _queue(self) -> SqliteQueue:
        return SqliteQueue(self.place.queue)

    def numbers(self) -> list[int]:
        if isinstance(self.sink, MemorySink):
            return sorted(json.loads(line)["n"] for line in self.sink.lines)
        return self.place.shipped()


@pytest.fixture(params=["spool group", "spool fsync", "buffer", "memory"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    made = Made(request.param, tmp_path)
    yield made
    made.sink.close(PATIENCE)


def test_what_was_accepted_is_out_after_a_flush(made: Made) -> None:
    for number in range(50):
        made.sink.accept(EVENT % number)
    assert made.sink.flush(PATIENCE)
    assert made.numbers() == list(range(50))


def test_several_threads_may_accept_and_flush(made: Made) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 50):
            made.sink.accept(EVENT % number)
        assert made.sink.flush(PATIENCE)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 200, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.sink.flush(PATIENCE)
    assert made.numbers() == list(range(200))


def test_accept_never_touches_the_network(made: Made) -> None:
    for number in range(50):
        made.sink.accept(EVENT % number)
        if made.kind == "buffer":
            assert not made.bucket.threads
    made.sink.flush(PATIENCE)
    if made.kind != "buffer":  # which ships in flush
        assert threading.get_ident() not in made.bucket.threads


def test_a_flush_with_nothing_to_do_is_done(made: Made) -> None:
    assert made.sink.flush(0)
    assert made.sink.flush(None)


def test_a_flush_that_fails_says_so_and_the_next_one_goes_on(made: Made) -> None:
    made.bucket.fail = 1_000_000
    made.sink.accept(EVENT % 1)
    assert made.sink.flush(0.05) is (made.kind == "memory")
    made.bucket.fail = 0
    made.sink.accept(EVENT % 2)
    assert made.sink.flush(PATIENCE)
    assert made.numbers() == [1, 2]


def test_close_ships_and_ends(made: Made) -> None:
    made.sink.accept(EVENT % 1)
    assert made.sink.close(PATIENCE)
    assert made.numbers() == [1]


def test_closing_twice_is_closing_once(made: Made) -> None:
    assert made.sink.close(PATIENCE)
    assert made.sink.close(PATIENCE)
    assert made.sink.close(None)


def test_a_closed_sink_refuses(made: Made) -> None:
    made.sink.close(PATIENCE)
    with pytest.raises(SinkError) as raised:
        made.sink.accept(EVENT % 1)
    assert raised.value.hint
    assert made.numbers() == []


def test_stats_count(made: Made) -> None:
    for number in range(3):
        made.sink.accept(EVENT % number)
    assert made.sink.flush(PATIENCE)
    stats = made.sink.stats()
    assert (stats.accepted, stats.failed, stats.waiting_events, stats.waiting_bytes) == (3, 0, 0, 0)
    assert stats.shipped_events == (0 if made.kind == "memory" else 3)
