from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import Any

import pytest

from byline.errors import BucketError
from byline.history.port import Counts
from byline.history.sqlite import SqliteHistory
from byline.processor import batch
from byline.processor.dead_letters import DeadLetterBox
from byline.processor.rebuild import Done, rebuild
from tests.acceptance.samples import everything, line, lines
from tests.unit.processor.conftest import Road


@pytest.fixture
def lived(road: Road) -> Road:
    """A history with some of everything."""
    for number in range(30):
        road.bucket.put(f"events/{number:02d}.ndjson", lines(range(number * 10, number * 10 + 10)))
        if number % 10 == 0:
            road.processor.run()
    road.bucket.put("events/bad.ndjson", b"{\n" + line(999) + b"\n[]")
    road.bucket.put("events/conflict.json", line(5, action="delete"))
    road.processor.run()
    road.announce("events/missing.json")
    road.announce("events/a.json", bucket="somebody-elses")
    road.processor.run()
    box = DeadLetterBox(road.bucket, road.queue, road.history)
    letter = next(letter for letter in box.letters() if letter.reason == "invalid_json")
    box.dismiss(letter.id, "known", by="ann", at=datetime(2024, 5, 6, tzinfo=UTC))
    return road


def test_a_rebuild_brings_back_the_same_history(lived: Road) -> None:
    before = everything(lived.data)
    done = rebuild(lived.bucket, lived.queue, lived.history)
    assert (done.objects, done.total, done.announced) == (32, 32, 0)
    assert everything(lived.data) == before


def test_a_deleted_history_comes_back_from_the_bucket(lived: Road) -> None:
    before = everything(lived.data)
    # What no object in the bucket tells cannot come back; that it was announced and missing is such.
    before["dead letters"] = [
        letter for letter in before["dead letters"] if letter["reason"] not in {"object_missing", "foreign_bucket"}
    ]
    lived.history.close()
    for file in lived.data.glob("history.db*"):
        file.unlink()
    rebuild(lived.bucket, lived.queue, lived.history)
    assert everything(lived.data) == before


def test_an_interrupted_rebuild_goes_on(lived: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 25)
    before = everything(lived.data)

    def interrupt(done: Done) -> None:
        if done.objects >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(lived.bucket, lived.queue, lived.history, progress=interrupt)
    assert len(everything(lived.data)["objects"]) < 32
    done = rebuild(lived.bucket, lived.queue, lived.history, resume=True)
    assert done.objects == 32
    assert done.counts.objects < 32, "what was taken is not read again"
    assert everything(lived.data) == before


def test_objects_are_replayed_in_the_order_in_which_they_were_written(road: Road) -> None:
    road.bucket.put("events/b.json", line(1))
    road.bucket.put("events/a.json", line(1, action="delete"))
    for name, written in (("a", 2_000_000_000), ("b", 1_000_000_000)):
        os.utime(road.data / "bucket/events" / f"{name}.json", (written, written))
    rebuild(road.bucket, road.queue, road.history)
    assert road.reasons() == {("events/a.json", 1): "conflicting_event"}


def test_an_object_that_cannot_be_taken_is_left_to_the_processor(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        road.bucket.put(f"events/{name}.json", line(ord(name)))
    take = road.history.writer.take
    monkeypatch.setattr(road.history.writer, "take", lambda parts: take(parts) if len(parts) == 1 else 1 / 0)
    assert rebuild(road.bucket, road.queue, road.history).announced == 2
    monkeypatch.undo()
    assert road.processor.run().objects == 2


def test_an_object_that_cannot_be_read_takes_no_other_with_it(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        road.bucket.put(f"events/{name}.json", line(ord(name)))
    opened = road.bucket.open

    def refuse(key: str) -> Any:
        if key == "events/b.json":
            raise BucketError("permission denied")
        return opened(key)

    monkeypatch.setattr(road.bucket, "open", refuse)
    done = rebuild(road.bucket, road.queue, road.history)
    assert (done.counts.objects, done.announced) == (2, 1)
    monkeypatch.undo()
    assert road.processor.run().objects == 1


def test_an_object_that_is_stored_in_part_only_is_left_to_the_processor(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 10)
    road.bucket.put("events/a.ndjson", lines(range(15)))
    take = road.history.writer.take
    monkeypatch.setattr(road.history.writer, "take", lambda parts: 1 / 0 if parts[0].first_line > 1 else take(parts))
    assert rebuild(road.bucket, road.queue, road.history).announced == 1


def test_an_object_that_the_processor_has_in_hand_is_taken_whole_all_the_same(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 10)
    road.bucket.put("events/a.ndjson", lines(range(35)))
    road.processor.run()
    before = everything(road.data)
    road.history.writer.clear()
    emptied: list[bool] = []

    def empty_once(_: Counts) -> None:
        if not emptied:
            emptied.append(True)
            another = SqliteHistory(road.data / "history.db")
            another.writer.clear()
            another.close()

    road.processor.run(progress=empty_once)
    rebuild(road.bucket, road.queue, road.history, resume=True)
    assert everything(road.data) == before


def test_an_object_that_vanishes_meanwhile_is_left_out(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 1)
    for name in "ab":
        road.bucket.put(f"events/{name}.json", line(ord(name)))

    def remove(_: Done) -> None:
        shutil.rmtree(road.data / "bucket/events", ignore_errors=True)

    done = rebuild(road.bucket, road.queue, road.history, progress=remove)
    assert (done.counts.objects, done.announced) == (1, 0)
