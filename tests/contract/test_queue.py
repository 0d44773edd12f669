"""What every queue does: the semantics of SQS."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from byline.queue.port import Announcement, Depth, Queue
from byline.queue.sqlite import SqliteQueue
from byline.queue.sqs import SqsQueue
from tests.emulator import Aws, sqs_queues
from tests.emulator import aws as start_aws

VISIBILITY = 60.0
MAX_RECEIVES = 3

spawn = multiprocessing.get_context("spawn")


class Place(NamedTuple):
    """A queue, how another process opens it, and how its time passes: no test waits for it."""

    queue: Queue
    reopen: Callable[[], Queue]
    pass_time: Callable[[float], None]


class Clock:
    """Starts now, and stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(params=["sqlite", "sqs"])
def place(request, tmp_path) -> Iterator[Place]:
    with {"sqlite": sqlite, "sqs": sqs}[request.param](request, tmp_path) as place:
        yield place
        place.queue.close()


@contextmanager
def sqlite(_request: pytest.FixtureRequest, folder: Path) -> Generator[Place]:
    clock = Clock()
    reopen = partial(SqliteQueue, folder / "queue.db", visibility=VISIBILITY, max_receives=MAX_RECEIVES, clock=clock)
    yield Place(reopen(), reopen, clock.forward)


@contextmanager
def sqs(request: pytest.FixtureRequest, _folder: Path) -> Generator[Place]:
    aws: Aws = request.getfixturevalue("moved_aws")
    aws.set_clock(0)
    urls = sqs_queues(aws.client("sqs"), f"byline-{uuid4()}", visibility=int(VISIBILITY), max_receives=MAX_RECEIVES)
    reopen = partial(SqsQueue, urls.queue, dict(aws.environ), poll=0)
    yield Place(reopen(), reopen, aws.forward)


@pytest.fixture(scope="session")
def moved_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with start_aws(tmp_path_factory.mktemp("aws"), moved=True) as aws:
        yield aws


@pytest.fixture
def queue(place) -> Queue:
    return place.queue


def announcement(n: int) -> Announcement:
    return Announcement("bucket", f"events/{n}.json")


def numbers(deliveries) -> list[int]:
    return sorted(int(item.key[7:-5]) for delivery in deliveries for item in delivery.announcements)


def receive_all(queue: Queue) -> list:
    deliveries = []
    while batch := queue.receive():
        deliveries += batch
    return deliveries


def test_what_is_announced_is_received_once_and_gone_when_acknowledged(queue):
    queue.announce(announcement(n) for n in range(25))
    deliveries = receive_all(queue)
    assert numbers(deliveries) == list(range(25))
    assert all(delivery.receive_count == 1 for delivery in deliveries)
    queue.acknowledge(deliveries)
    assert queue.depth() == Depth(0, 0, 0)


def test_a_delivery_tells_bucket_key_and_time(queue):
    queue.announce([Announcement("one bucket", "käse/\n'x'.json")])
    (delivery,) = queue.receive()
    assert delivery.announcements == (Announcement("one bucket", "käse/\n'x'.json"),)
    assert abs(delivery.sent_at - datetime.now(UTC)) < timedelta(minutes=10)
    assert delivery.sent_at.utcoffset() == timedelta(0)


def test_no_more_are_received_than_asked_for(queue):
    queue.announce(announcement(n) for n in range(9))
    assert len(queue.receive(4)) == 4
    assert len(queue.receive(1)) == 1


def test_nothing_announced_is_nothing_received(queue):
    queue.announce([])
    assert queue.receive() == []
    assert queue.depth() == Depth(0, 0, 0)


def test_a_message_in_hand_is_invisible_until_its_timeout(queue, place):
    queue.announce([announcement(1)])
    (first,) = queue.receive()
    place.pass_time(VISIBILITY - 1)
    assert queue.receive() == []
    place.pass_time(2)
    (second,) = queue.receive()
    assert (second.receive_count, second.sent_at) == (2, first.sent_at)
    assert second.receipt != first.receipt


def test_a_receipt_that_has_run_out_is_ignored(queue, place):
    queue.announce([announcement(1)])
    (late,) = queue.receive()
    place.pass_time(VISIBILITY + 1)
    (again,) = queue.receive()
    queue.acknowledge([late])
    queue.extend([late], 0)
    queue.release([late])
    assert queue.receive() == []
    queue.acknowledge([again])
    queue.acknowledge([again])
    assert queue.depth() == Depth(0, 0, 0)


def test_a_released_message_comes_back_at_once_or_after_the_delay(queue, place):
    queue.announce([announcement(1)])
    queue.release(queue.receive())
    (again,) = queue.receive()
    assert again.receive_count == 2
    queue.release([again], delay=30)
    assert queue.receive() == []
    place.pass_time(31)
    assert len(queue.receive()) == 1


def test_an_extended_message_stays_invisible_from_now_on(queue, place):
    queue.announce([announcement(1)])
    held = queue.receive()
    place.pass_time(50)
    queue.extend(held, 100)
    place.pass_time(99)
    assert queue.receive() == []
    queue.acknowledge(held)
    place.pass_time(1000)
    assert queue.receive() == []


def test_a_message_received_too_often_is_dead_and_kept(queue, place):
    queue.announce([announcement(1)])
    for count in range(1, MAX_RECEIVES + 1):
        (delivery,) = queue.receive()
        assert delivery.receive_count == count
        place.pass_time(VISIBILITY + 1)
    assert queue.receive() == []
    assert queue.depth() == Depth(0, 0, 1)
    (dead,) = queue.dead()
    assert (dead.announcements, dead.receive_count) == ((announcement(1),), MAX_RECEIVES)
    assert dead.sent_at == delivery.sent_at
    assert queue.receive() == []


def kill_message(queue: Queue) -> None:
    for _ in range(MAX_RECEIVES):
        queue.release(queue.receive())
    assert queue.receive() == []


def test_a_message_that_is_still_in_hand_for_the_last_time_is_not_dead(queue):
    queue.announce([announcement(1)])
    for _ in range(MAX_RECEIVES - 1):
        queue.release(queue.receive())
    last = queue.receive()
    assert (queue.dead(), queue.depth()) == ([], Depth(0, 1, 0))
    queue.acknowledge(last)
    assert queue.depth() == Depth(0, 0, 0)


def test_a_dead_message_put_back_begins_anew(queue):
    queue.announce([announcement(1)])
    kill_message(queue)
    (dead,) = queue.dead()
    assert queue.redrive([dead.id]) == 1
    assert queue.redrive([dead.id]) == 0
    assert queue.dead() == []
    (delivery,) = queue.receive()
    assert (delivery.receive_count, delivery.announcements) == (1, (announcement(1),))


def test_a_discarded_message_is_gone(queue):
    queue.announce(announcement(n) for n in range(3))
    kill_message(queue)
    dead = queue.dead()
    assert len(queue.dead(limit=2)) == 2
    assert queue.discard([dead[0].id, dead[1].id]) == 2
    assert queue.discard([dead[0].id]) == 0
    assert queue.dead() == [dead[2]]


def test_only_what_is_dead_can_be_put_back_or_discarded(queue):
    queue.announce([announcement(1)])
    odd = ["1", "0", "-1", "", "x", "9" * 40, "1; DROP TABLE message"]
    assert queue.redrive(odd) == queue.discard(odd) == 0
    assert queue.depth() == Depth(1, 0, 0)


def test_depth_counts_what_waits_what_is_in_hand_and_what_is_dead(queue):
    queue.announce([announcement(0)])
    kill_message(queue)
    queue.announce(announcement(n) for n in range(1, 8))
    queue.receive(3)
    assert queue.depth() == Depth(4, 3, 1)


def test_what_was_announced_is_there_for_the_next_who_opens_the_queue(queue, place):
    queue.announce([announcement(1)])
    other = place.reopen()
    assert numbers(other.receive()) == [1]
    other.close()
    assert queue.depth() == Depth(0, 1, 0)


def test_of_many_threads_each_message_goes_to_one(queue):
    queue.announce(announcement(n) for n in range(300))
    with ThreadPoolExecutor(6) as threads:
        taken = [future.result() for future in [threads.submit(receive_all, queue) for _ in range(6)]]
    assert Counter(numbers(chain.from_iterable(taken))) == Counter(range(300))


def test_a_receive_waits_until_something_is_announced(queue, place):
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(queue.receive, wait=60.0)
        other = place.reopen()
        other.announce([announcement(1)])
        other.close()
        assert numbers(waiting.result(50)) == [1]


def _announce(reopen: Callable[[], Queue], start: int, stop: int) -> None:
    queue = reopen()
    for n in range(start, stop):
        queue.announce([announcement(n)])
    queue.close()


def _take(reopen: Callable[[], Queue], log: Path, die_after: int | None) -> None:
    """Write down what was taken, then acknowledge it; die in between where told to."""
    queue = reopen()
    with log.open("a") as out:
        for round in range(10_000):
            deliveries = queue.receive(wait=0.5)
            if not deliveries:
                return
            out.writelines(f"{n}\n" for n in numbers(deliveries))
            out.flush()
            if round == die_after:
                os.kill(os.getpid(), signal.SIGKILL)
            queue.acknowledge(deliveries)


def test_several_processes_announce_while_others_take(place, tmp_path):
    announcing = [spawn.Process(target=_announce, args=(place.reopen, n * 100, n * 100 + 100)) for n in range(3)]
    taking = [spawn.Process(target=_take, args=(place.reopen, tmp_path / f"{n}", None)) for n in range(2)]
    for process in announcing + taking:
        process.start()
    for process in announcing + taking:
        process.join(120)
        assert process.exitcode == 0
    _take(place.reopen, tmp_path / "rest", None)
    taken = [int(line) for log in tmp_path.iterdir() if "queue" not in log.name for line in log.read_text().split()]
    assert Counter(taken) == Counter(range(300))


def test_what_a_killed_consumer_held_comes_back_and_nothing_else(place, tmp_path):
    queue = place.queue
    queue.announce(announcement(n) for n in range(100))
    consumer = spawn.Process(target=_take, args=(place.reopen, tmp_path / "killed", 3))
    consumer.start()
    consumer.join(60)
    assert consumer.exitcode == -signal.SIGKILL
    killed = [int(line) for line in (tmp_path / "killed").read_text().split()]
    assert queue.depth() == Depth(60, 10, 0)
    place.pass_time(VISIBILITY + 1)
    rest = receive_all(queue)
    assert sorted(killed[:30] + numbers(rest)) == list(range(100))
    assert sorted(killed[30:]) == [n for n in numbers(rest) if n in killed]
    assert [delivery.receive_count for delivery in rest if numbers([delivery])[0] in killed] == [2] * 10
