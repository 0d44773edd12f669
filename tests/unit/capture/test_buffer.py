"""The sink for functions with no disk."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from byline.capture.buffer import BATCH_BYTES, Buffer
from byline.errors import SinkError
from tests.unit.capture.spooling import PATIENCE, FaultyBucket, Place, line, until


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_is_bounded_and_takes_again_after_a_flush(place: Place) -> None:
    buffer = Buffer(lambda: FaultyBucket(place.bucket), max_bytes=1000)
    buffer.accept(line(1, size=700))
    with pytest.raises(SinkError, match="the buffer is full"):
        buffer.accept(line(2, size=700))
    assert buffer.stats().failed == 1
    assert buffer.flush(PATIENCE)
    buffer.accept(line(3, size=700))
    assert buffer.close(PATIENCE)
    assert place.shipped() == [1, 3]


def test_no_object_is_larger_than_a_batch(place: Place) -> None:
    buffer = Buffer(lambda: FaultyBucket(place.bucket))
    for number in range(30):
        buffer.accept(line(number, size=100_000))
    assert buffer.flush(PATIENCE)
    sizes = [len(content) for content in place.objects()]
    assert len(sizes) > 1
    assert max(sizes) <= BATCH_BYTES
    assert place.shipped() == list(range(30))


def test_a_flush_that_lost_its_answer_doubles_nothing(place: Place) -> None:
    bucket = FaultyBucket(place.bucket)
    bucket.lose_answer = 1
    buffer = Buffer(lambda: bucket, place.open_queue)
    buffer.accept(line(1))
    assert buffer.flush(PATIENCE)
    assert bucket.puts == 2
    assert place.shipped() == [1]
    assert place.announced() == place.keys()
    buffer.close(PATIENCE)


def test_a_flush_keeps_to_its_time_while_another_one_waits_for_the_bucket(place: Place) -> None:
    bucket = FaultyBucket(place.bucket)
    bucket.gate = threading.Event()
    buffer = Buffer(lambda: bucket)
    buffer.accept(line(1))
    other = threading.Thread(target=buffer.flush)
    other.start()
    until(lambda: bucket.puts)
    assert not buffer.flush(0.01)
    bucket.gate.set()
    other.join(PATIENCE)
    assert buffer.close(PATIENCE)
    assert place.shipped() == [1]


def test_what_is_no_error_of_ours_is_one_of_the_bucket(place: Place) -> None:
    class Odd(FaultyBucket):
        def put(self, key: str, data: bytes | BinaryIO) -> bool:
            if self.fail:
                self.fail -= 1
                raise RuntimeError("a client of a cloud may raise anything")
            return super().put(key, data)

    bucket = Odd(place.bucket)
    bucket.fail = 1
    buffer = Buffer(lambda: bucket)
    buffer.accept(line(1))
    assert buffer.flush(PATIENCE)
    assert buffer.stats().retries == 1
    assert place.shipped() == [1]
