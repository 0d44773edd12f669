from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from byline.bucket.folder import FolderBucket
from byline.bucket.port import OpenObject
from byline.errors import ObjectMissing, Unreachable
from byline.history.port import Counts, Entry
from byline.history.sqlite import SqliteHistory
from byline.processor import Processor, batch, intake, processor
from byline.processor.lines import Line
from byline.queue.port import Delivery
from byline.queue.sqlite import SqliteQueue
from tests.acceptance.samples import everything, line, lines
from tests.unit.processor.conftest import Road


def test_what_is_announced_is_taken_and_acknowledged(road: Road) -> None:
    road.bucket.put("events/a.ndjson", lines(range(3)))
    road.announce("events/a.ndjson")
    assert road.processor.run() == Counts(objects=1, events=3, changes=6)
    assert road.queue.depth().waiting == road.queue.depth().in_flight == 0
    assert road.history.writer.taken(["events/a.ndjson"]) == {"events/a.ndjson"}


def test_an_object_whose_announcement_was_lost_is_found(road: Road) -> None:
    road.bucket.put("events/a.ndjson", lines(range(3)))
    assert road.processor.run().events == 3


def test_sweep_says_how_many_it_announced(road: Road) -> None:
    for name in "abc":
        road.bucket.put(f"events/{name}.json", line(ord(name)))
    assert road.processor.sweep() == 3
    road.processor.run()
    assert road.processor.sweep() == 0


def test_a_file_that_was_seen_half_written_is_taken_again_once_it_is_whole(road: Road) -> None:
    whole = lines(range(3))
    file = road.data / "bucket/events/a.ndjson"
    file.parent.mkdir(parents=True)
    file.write_bytes(whole[:-10])
    assert road.processor.run() == Counts(objects=1, events=2, changes=4, dead_letters=1)
    assert road.processor.sweep() == 0
    file.write_bytes(whole)
    assert road.processor.run() == Counts(objects=1, events=1, changes=2, duplicates=2)
    assert road.reasons() == {}
    assert road.processor.sweep() == 0


def test_processing_again_changes_nothing(road: Road) -> None:
    road.bucket.put("events/a.ndjson", lines(range(30)))
    road.processor.run()
    before = everything(road.data)
    road.announce("events/a.ndjson")
    assert road.processor.run() == Counts()
    assert everything(road.data) == before


def test_an_event_that_comes_in_two_objects_is_one_event(road: Road) -> None:
    road.bucket.put("events/a.ndjson", lines(range(3)))
    road.bucket.put("events/b.ndjson", lines(range(1, 4)))
    counts = road.processor.run()
    assert (counts.objects, counts.events, counts.duplicates) == (2, 4, 2)


def test_one_bad_line_never_takes_its_neighbours_with_it(road: Road) -> None:
    road.bucket.put("events/a.ndjson", b"\n".join([line(1), b"{", line(2), b"[]", line(3)]))
    counts = road.processor.run()
    assert (counts.events, counts.dead_letters) == (3, 2)
    assert road.reasons() == {("events/a.ndjson", 2): "invalid_json", ("events/a.ndjson", 4): "not_an_object"}


def test_an_empty_object_is_taken_and_brings_nothing(road: Road) -> None:
    road.bucket.put("events/a.ndjson", b"")
    assert road.processor.run() == Counts(objects=1)


def test_a_large_object_is_taken_in_several_transactions(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 10)
    road.bucket.put("events/a.ndjson", lines(range(35)) + b"broken\n")
    seen: list[tuple[int, int]] = []
    counts = road.processor.run(progress=lambda so_far: seen.append((so_far.objects, so_far.events)))
    assert seen == [(0, 10), (0, 20), (0, 30), (1, 35)]
    assert counts.dead_letters == 1


def test_a_bad_line_at_the_end_of_a_transaction_stays_a_dead_letter(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 10)
    road.bucket.put("events/a.ndjson", lines(range(9)) + b"broken\n" + lines(range(10, 20)))
    road.processor.run()
    assert road.reasons() == {("events/a.ndjson", 10): "invalid_json"}


@pytest.mark.parametrize("events", [9, 10, 11, 20])
def test_however_many_events_an_object_holds_it_counts_as_taken(
    road: Road, monkeypatch: pytest.MonkeyPatch, events: int
) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 10)
    road.bucket.put("events/a.ndjson", lines(range(events)))
    assert road.processor.run() == Counts(objects=1, events=events, changes=2 * events)
    assert road.processor.sweep() == 0


def test_many_small_objects_share_one_transaction(road: Road) -> None:
    for number in range(120):
        road.bucket.put(f"events/{number}.json", line(number))
    seen: list[int] = []
    road.processor.run(progress=lambda so_far: seen.append(so_far.objects))
    assert seen == [120]


def test_keys_outside_of_events_are_acknowledged_and_ignored(road: Road) -> None:
    for key in ("other/a.ndjson", "eventsa.ndjson", "events/folder/"):
        road.announce(key)
    assert road.processor.run() == Counts()
    assert road.queue.depth().waiting == 0


def test_an_announcement_for_another_bucket_is_a_dead_letter_and_is_not_read(road: Road) -> None:
    road.bucket.put("events/a.ndjson", lines(range(3)))
    road.processor.run()
    road.announce("events/a.ndjson", "events/\ud800".encode("utf-8", "replace").decode(), bucket="somebody-elses")
    assert road.processor.run().dead_letters == 2
    assert road.reasons()["somebody-elses/events/a.ndjson", None] == "foreign_bucket"
    road.announce("events/a.ndjson", bucket="somebody-elses")
    assert road.processor.run().dead_letters == 0, "the same trouble is the same letter"


def test_an_object_that_stays_missing_becomes_a_dead_letter(road: Road) -> None:
    road.announce("events/never.json", "events/../../etc/passwd")
    assert road.processor.run().dead_letters == 2
    assert road.reasons() == {
        ("events/never.json", None): "object_missing",
        ("events/../../etc/passwd", None): "object_missing",
    }
    assert road.queue.depth().waiting == road.queue.depth().dead == 0


def test_an_object_that_comes_later_than_its_announcement_is_no_dead_letter(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_early(key: str) -> None:
        monkeypatch.undo()
        road.bucket.put(key, line(1))
        raise ObjectMissing("it is not there yet")

    road.announce("events/late.json")
    monkeypatch.setattr(road.bucket, "open", too_early)
    assert road.processor.run() == Counts(objects=1, events=1, changes=2)


def test_the_dead_letter_of_a_missing_object_goes_once_the_object_is_there(road: Road) -> None:
    road.announce("events/late.json")
    road.processor.run()
    road.bucket.put("events/late.json", line(1))
    assert road.processor.run().events == 1
    assert road.reasons() == {}


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key at whose event our own code fails, as it never should."""

    def entry(line: Line, key: str) -> Entry:
        if key == "events/b.json":
            raise ZeroDivisionError("a fault of ours")
        return make(line, key)

    make = batch.entry
    monkeypatch.setattr(batch, "entry", entry)
    return "events/b.json"


def test_an_object_that_we_fail_at_stops_no_other_and_is_given_up_in_the_end(road: Road, poison: str) -> None:
    for name in "abc":
        road.bucket.put(f"events/{name}.json", line(ord(name)))
    assert road.processor.run() == Counts(objects=2, events=2, changes=4)
    assert [message.announcements[0].key for message in road.queue.dead()] == [poison]
    assert road.processor.sweep() == 0, "what was given up is not announced again"


def test_a_run_does_not_end_before_what_it_put_back_has_come_again(
    road: Road, poison: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_LISTEN", 0.0)
    road.bucket.put(poison, line(1))
    road.processor.run()
    assert [message.receive_count for message in road.queue.dead()] == [5]


class Picky:
    """The history's own writer, but for a fault: it fails at batches that hold one object."""

    def __init__(self, writer: Any, key: str) -> None:
        self._writer = writer
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def take(self, parts: Iterable[Any]) -> Counts:
        if any(part.key == self._key for part in parts):
            raise OverflowError("a fault of ours")
        return self._writer.take(parts)


def test_an_object_that_cannot_be_stored_never_keeps_its_neighbours_from_being_stored(road: Road) -> None:
    for name in "abcd":
        road.bucket.put(f"events/{name}.json", line(ord(name)))
    road.history.writer = Picky(road.history.writer, "events/b.json")  # type: ignore[assignment]
    assert road.processor.run().objects == 3
    assert [message.announcements[0].key for message in road.queue.dead()] == ["events/b.json"]


def test_an_outage_of_the_history_costs_a_message_one_try_and_loses_nothing(road: Road) -> None:
    road.bucket.put("events/a.json", line(1))
    road.announce("events/a.json")
    road.history.close()
    file = road.data / "history.db"
    shutil.move(file, road.data / "elsewhere.db")
    file.write_bytes(b"no database at all" * 100)
    for _ in range(3):
        with pytest.raises(Unreachable):
            road.processor.run()
    road.history.close()
    shutil.move(road.data / "elsewhere.db", file)
    assert road.queue.depth().waiting == 1
    assert road.processor.run().events == 1


def test_a_follower_waits_until_what_is_down_is_back(road: Road) -> None:
    road.history.close()
    shutil.move(road.data / "history.db", road.data / "elsewhere.db")
    (road.data / "history.db").write_bytes(b"no database at all" * 100)
    road.bucket.put("events/a.json", line(1))
    stop = threading.Event()
    taken: list[int] = []

    def progress(counts: Counts) -> None:
        taken.append(counts.events)
        stop.set()

    thread = threading.Thread(target=lambda: road.processor.run(follow=True, stop=stop, progress=progress))
    thread.start()
    road.history.close()
    shutil.move(road.data / "elsewhere.db", road.data / "history.db")
    thread.join(timeout=60)
    assert taken == [1]


def test_a_follower_takes_what_comes_and_ends_when_told(road: Road) -> None:
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: road.processor.run(follow=True, stop=stop, progress=lambda counts: stop.set())
    )
    thread.start()
    road.bucket.put("events/a.json", line(1))
    road.announce("events/a.json")
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert road.history.reader.health().objects == 1


def test_a_follower_finds_what_nobody_announced(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "SWEEP_EVERY", 0.0)
    stop = threading.Event()

    def progress(counts: Counts) -> None:
        if counts.objects == 1:
            road.bucket.put("events/b.json", line(2))
        else:
            stop.set()

    road.bucket.put("events/a.json", line(1))
    patience = threading.Timer(60, stop.set)
    patience.start()
    assert road.processor.run(follow=True, stop=stop, progress=progress).objects == 2
    patience.cancel()


class Slowly:
    """An object that is read slowly: something happens before each chunk."""

    def __init__(self, opened: OpenObject, each: Callable[[], None]) -> None:
        self.info = opened.info
        self._opened = opened
        self._each = each

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._opened:
            self._each()
            yield chunk


def test_what_is_in_hand_is_kept_from_others_however_long_it_takes(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_HEARTBEAT", -1.0)
    now = 1_700_000_000.0
    queue = SqliteQueue(road.data / "slow.db", visibility=60, clock=lambda: now)
    taken_away: list[Delivery] = []

    def fifty_seconds() -> None:
        nonlocal now
        now += 50
        taken_away.extend(queue.receive())

    @contextmanager
    def slowly(key: str) -> Iterator[Slowly]:
        with FolderBucket.open(road.bucket, key) as opened:
            yield Slowly(opened, fifty_seconds)

    monkeypatch.setattr(road.bucket, "open", slowly)
    road.bucket.put("events/a.ndjson", line(1) + b"\n" * (5 << 20))
    Processor(road.bucket, queue, road.history).run()
    queue.close()
    assert (now, taken_away) == (1_700_000_300.0, [])


def test_stop_ends_after_the_transaction_in_hand_and_the_rest_waits(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_EVENTS", 5)
    for number in range(20):
        road.bucket.put(f"events/{number:02d}.json", line(number))
    stop = threading.Event()
    counts = road.processor.run(stop=stop, progress=lambda so_far: stop.set())
    assert counts.objects == 5
    assert road.queue.depth().waiting == 15
    assert road.processor.run().objects == 15


def test_two_processors_at_once_take_everything_once(road: Road) -> None:
    for number in range(60):
        road.bucket.put(f"events/{number:02d}.ndjson", lines(range(number * 5, number * 5 + 5)))
    counts: list[Counts] = []

    def work() -> None:
        queue, history = SqliteQueue(road.data / "queue.db"), SqliteHistory(road.data / "history.db")
        counts.append(Processor(FolderBucket(road.data / "bucket"), queue, history).run())
        queue.close()
        history.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.objects for one in counts) == 60
    assert sum(one.events for one in counts) == 300
    assert road.queue.depth().waiting == 0


def test_who_sweeps_again_later_adds_nothing_to_a_queue_in_which_much_waits(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "ENOUGH", 2)
    for number in range(5):
        road.bucket.put(f"events/{number}.json", line(number))
    road.announce(*(f"events/{number}.json" for number in range(3)))
    assert road.processor.sweep(unless_busy=True) == 0
    assert road.queue.depth().waiting == 3
    assert road.processor.run().objects == 5, "one run that ends takes all that there is"
