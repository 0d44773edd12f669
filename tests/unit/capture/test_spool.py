"""The spool keeps what it accepted, through every fault of bucket and disk, and ships it once."""

from __future__ import annotations

import errno
import logging
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from byline.capture import spool as spool_module
from byline.capture.disk import Disk
from byline.capture.spool import Spool
from byline.capture.spool_process import LARGEST_OBJECT, SpoolLimits
from byline.errors import SinkError, UsageError
from byline.queue.port import Announcement
from byline.queue.sqlite import SqliteQueue
from tests.unit.capture.spooling import PATIENCE, QUICK, FaultyBucket, FaultyDisk, Place, line, until

KEY = re.compile(
    r"events/micro_service_name=shop/date=\d{4}-\d\d-\d\d/hour=\d\d/\d{8}T\d{6}Z-[0-9a-f]{16}-\d{6}-[0-9a-f]{16}\.ndjson\.zst"
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def spool(place: Place) -> Iterator[Spool]:
    spool = place.open()
    yield spool
    spool.close(PATIENCE)


@pytest.fixture
def bucket(place: Place) -> FaultyBucket:
    return FaultyBucket(place.bucket)


# --- the road ---


def test_what_is_accepted_is_shipped_announced_and_gone_from_the_folder(place: Place, spool: Spool) -> None:
    for number in range(100):
        spool.accept(line(number))
    assert spool.flush(PATIENCE)
    assert place.shipped() == list(range(100))
    assert place.files() == []
    assert place.announced() == place.keys()
    keys = place.keys()
    assert all(KEY.fullmatch(key) for key in keys)


def test_it_ships_by_itself(place: Place, spool: Spool) -> None:
    spool.accept(line(1))
    until(lambda: place.keys() and not place.files())
    assert place.shipped() == [1]


def test_no_object_is_larger_than_our_limit_unless_one_event_is(place: Place) -> None:
    spool = place.open(limits=SpoolLimits(seal_bytes=LARGEST_OBJECT))
    spool.accept(line(0, size=5 << 20))
    for number in range(1, 12):
        spool.accept(line(number, size=1 << 20))
    assert spool.close(PATIENCE)
    assert place.shipped() == list(range(12))
    assert [size for size in map(len, place.objects()) if size > LARGEST_OBJECT] == [len(line(0, size=5 << 20)) + 1]


def test_a_limit_above_that_of_objects_is_refused() -> None:
    with pytest.raises(UsageError):
        SpoolLimits(seal_bytes=LARGEST_OBJECT + 1)


def test_threads_may_record_at_the_same_time(place: Place, spool: Spool) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 200):
            spool.accept(line(number))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 1600, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spool.flush(PATIENCE)
    assert place.shipped() == list(range(1600))


def test_the_folder_is_for_its_owner_only(place: Place, spool: Spool) -> None:
    spool.accept(line(1))
    assert place.spool.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in place.spool.iterdir()] == [0o600]


def test_stats_tell_what_waits_and_what_was_shipped(place: Place, bucket: FaultyBucket) -> None:
    bucket.gate = threading.Event()
    spool = place.open(bucket=bucket)
    spool.accept(line(1))
    stats = spool.stats()
    assert (stats.accepted, stats.waiting_events, stats.shipped_events) == (1, 1, 0)
    assert stats.waiting_bytes == len(line(1)) + 1
    bucket.gate.set()
    assert spool.close(PATIENCE)
    stats = spool.stats()
    assert (stats.accepted, stats.waiting_events, stats.shipped_events, stats.shipped_objects) == (1, 0, 1, 1)
    assert stats.waiting_bytes == 0


# --- a bucket that does not do its part ---


def test_a_bucket_that_fails_is_asked_again(place: Place, bucket: FaultyBucket) -> None:
    bucket.fail = 3
    spool = place.open(bucket=bucket)
    spool.accept(line(1))
    assert spool.flush(PATIENCE)
    assert place.shipped() == [1]
    assert spool.stats().retries == 3
    assert spool.stats().last_error == "the bucket is away. Wait."
    spool.close()


def test_an_answer_that_is_lost_doubles_nothing(place: Place, bucket: FaultyBucket) -> None:
    bucket.lose_answer = 2
    spool = place.open(bucket=bucket)
    for number in range(10):
        spool.accept(line(number))
    assert spool.close(PATIENCE)
    assert place.shipped() == list(range(10))
    assert bucket.puts == 3


def test_a_slow_bucket_holds_up_nobody_who_records(place: Place, bucket: FaultyBucket) -> None:
    bucket.gate = threading.Event()
    spool = place.open(bucket=bucket)
    spool.accept(line(0))
    until(lambda: bucket.puts)  # from here on a put is under way
    for number in range(1, 500):
        spool.accept(line(number))
    assert not spool.flush(0.01)
    bucket.gate.set()
    assert spool.close(PATIENCE)
    assert place.shipped() == list(range(500))


def test_a_bucket_that_cannot_be_opened_is_tried_again(place: Place) -> None:
    tries = []

    def open_bucket() -> FaultyBucket:
        tries.append(1)
        if len(tries) < 3:
            raise UsageError("no such library", hint="Install it.")
        return FaultyBucket(place.bucket)

    spool = Spool(place.spool, open_bucket, limits=QUICK)
    spool.accept(line(1))
    assert spool.close(PATIENCE)
    assert place.shipped() == [1]


def test_what_is_no_error_of_ours_does_not_end_shipping(place: Place, bucket: FaultyBucket) -> None:
    real = bucket.put
    faults = [ValueError("from the depth of a client"), None]

    def put(key: str, data: bytes) -> bool:
        fault = faults.pop(0) if faults else None
        if fault:
            raise fault
        return real(key, data)

    bucket.put = put  # type: ignore[method-assign,assignment]
    spool = place.open(bucket=bucket)
    spool.accept(line(1))
    assert spool.close(PATIENCE)
    assert place.shipped() == [1]


def test_an_announcement_that_fails_is_made_later(place: Place) -> None:
    class Away(SqliteQueue):
        fail = 2

        def announce(self, announcements: list[Announcement]) -> None:  # type: ignore[override]
            if self.fail:
                self.fail -= 1
                from byline.errors import QueueError

                raise QueueError("the queue is away", hint="Wait.")
            super().announce(announcements)

    queue = Away(place.queue)
    spool = Spool(place.spool, lambda: FaultyBucket(place.bucket), lambda: queue, limits=QUICK)
    for number in range(3):
        spool.accept(line(number))
        assert spool.flush(PATIENCE)
    assert spool.stats().unannounced == 0
    assert place.announced() == place.keys()
    assert len(place.keys()) == 3
    spool.close(PATIENCE)


# --- the end, and the next start ---


def test_close_leaves_on_the_disk_what_could_not_be_shipped_and_the_next_start_ships_it(
    place: Place, bucket: FaultyBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.fail = 1_000_000
    first = place.open(bucket=bucket)
    first.accept(line(1))
    assert not first.close(0.1)
    assert [Path(name).suffix for name in place.files()] == [".ndjson"]  # sealed, whoever ships it
    monkeypatch.setattr(spool_module, "GRACE", 0.0)
    second = place.open()  # and records nothing itself
    until(lambda: not place.files())
    assert place.shipped() == [1]
    second.close(PATIENCE)


def test_closing_twice_is_closing_once(place: Place) -> None:
    spool = place.open()
    spool.accept(line(1))
    assert spool.close(PATIENCE)
    assert spool.close(PATIENCE)
    assert spool.flush(0)
    with pytest.raises(SinkError, match="closed"):
        spool.accept(line(2))
    assert place.shipped() == [1]


def test_a_line_that_was_never_written_whole_is_cut_off_and_counted(place: Place) -> None:
    place.spool.mkdir()
    dead = place.spool / "20260726T101530Z-9f86d081884c7d65-000001.open"
    dead.write_bytes(line(1) + b"\n" + line(2)[:-3])
    spool = place.open()
    spool.accept(line(3))
    assert spool.flush(PATIENCE)
    until(lambda: not dead.exists())
    assert spool.close(PATIENCE)
    assert place.shipped() == [1, 3]
    assert spool.stats().torn == 1
    keys = place.keys()
    assert any("hour=10/20260726T101530Z-9f86d081884c7d65-000001-" in key for key in keys)


def test_files_that_are_none_of_ours_are_left_alone(place: Place) -> None:
    place.spool.mkdir()
    for name in ("notes.txt", "x.ndjson", "20269926T101530Z-9f86d081884c7d65-000001.open", ".hidden"):
        (place.spool / name).write_bytes(b"mine\n")
    spool = place.open()
    spool.accept(line(1))
    assert spool.close(PATIENCE)
    assert len(place.files()) == 4
    assert place.shipped() == [1]


def test_a_symbolic_link_is_not_followed(place: Place, tmp_path: Path) -> None:
    place.spool.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(b"{}\n")
    (place.spool / "20260726T101530Z-9f86d081884c7d65-000001.ndjson").symlink_to(secret)
    spool = place.open()
    spool.accept(line(1))
    assert spool.flush(PATIENCE)
    assert place.shipped() == [1]
    assert secret.exists()
    spool.close(0)


# --- a disk that does not do its part ---


def test_a_full_spool_refuses_and_takes_again_once_there_is_room(place: Place, bucket: FaultyBucket) -> None:
    bucket.gate = threading.Event()
    spool = place.open(bucket=bucket, limits=SpoolLimits(max_bytes=1000, seal_after=0.01))
    spool.accept(line(1, size=500))
    with pytest.raises(SinkError, match="the spool is full"):
        spool.accept(line(2, size=500))
    assert spool.stats().failed == 1
    bucket.gate.set()
    assert spool.flush(PATIENCE)
    spool.accept(line(3, size=500))
    assert spool.close(PATIENCE)
    assert place.shipped() == [1, 3]


def test_what_others_left_in_the_folder_counts_for_its_limit(place: Place, bucket: FaultyBucket) -> None:
    bucket.gate = threading.Event()
    place.spool.mkdir()
    (place.spool / "20260726T101530Z-9f86d081884c7d65-000001.ndjson").write_bytes(line(0, size=2000) + b"\n")
    spool = place.open(bucket=bucket, limits=SpoolLimits(max_bytes=2100))
    with pytest.raises(SinkError, match="the spool is full"):
        spool.accept(line(1, size=500))
    bucket.gate.set()
    spool.close(PATIENCE)


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, -errno.ENOSPC])
def test_a_write_that_fails_is_refused_and_harms_no_other(place: Place, fault: int) -> None:
    """Negative: half of the line was written before the disk was full."""
    disk = FaultyDisk(append=[None, fault, None, fault, fault])
    spool = place.open(disk=disk)
    taken = []
    for number in range(8):
        try:
            spool.accept(line(number))
            taken.append(number)
        except SinkError:
            pass
    assert taken == [0, 2, 5, 6, 7]
    assert spool.close(PATIENCE)
    assert place.shipped() == taken
    assert place.files() == []
    assert spool.stats().failed == 3
    assert spool.stats().torn == 0  # cut off at once


def test_half_a_line_that_cannot_be_cut_off_is_never_shipped(place: Place) -> None:
    spool = place.open(disk=FaultyDisk(append=[None, -errno.ENOSPC], truncate=[errno.EIO]))
    spool.accept(line(0))
    with pytest.raises(SinkError):
        spool.accept(line(1))
    spool.accept(line(2))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0, 2]


def test_a_folder_that_cannot_be_made_is_a_failure_and_no_end(place: Place) -> None:
    place.spool.parent.mkdir(exist_ok=True)
    place.spool.write_bytes(b"a file is in the way")
    spool = place.open()
    with pytest.raises(SinkError, match="cannot write to the spool"):
        spool.accept(line(0))
    place.spool.unlink()
    spool.accept(line(1))
    assert spool.close(PATIENCE)
    assert place.shipped() == [1]


@pytest.mark.parametrize("durability", ["group", "fsync"])
@pytest.mark.parametrize("call", ["fsync", "fsync_folder"])
def test_after_a_failed_fsync_the_lines_are_written_anew(place: Place, durability: str, call: str) -> None:
    spool = place.open(disk=FaultyDisk(**{call: [errno.EIO]}), durability=durability)
    for number in range(5):
        spool.accept(line(number))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0, 1, 2, 3, 4]
    stats = spool.stats()
    assert (stats.in_doubt, stats.failed) == (0, 0)
    assert "Input/output error" in (stats.last_error or "")


def test_a_disk_that_fsyncs_nothing_any_more_leaves_events_in_doubt_and_says_so(place: Place) -> None:
    spool = place.open(disk=FaultyDisk(fsync=[errno.EIO] * 1000))
    for number in range(5):
        spool.accept(line(number))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0, 1, 2, 3, 4]  # they could still be read
    assert spool.stats().in_doubt == 5


def test_with_fsync_an_event_in_doubt_is_refused(place: Place) -> None:
    spool = place.open(disk=FaultyDisk(fsync=[None, errno.EIO, errno.EIO]), durability="fsync")
    spool.accept(line(0))
    with pytest.raises(SinkError, match="cannot make the event durable"):
        spool.accept(line(1))
    spool.accept(line(2))
    assert spool.close(PATIENCE)
    assert spool.stats().in_doubt == 1
    assert set(place.shipped()) >= {0, 2}


def test_a_segment_that_cannot_be_sealed_is_sealed_later(place: Place) -> None:
    spool = place.open(disk=FaultyDisk(rename=[errno.EIO, errno.EIO]))
    spool.accept(line(0))
    assert spool.flush(PATIENCE)
    assert place.shipped() == [0]
    spool.close(PATIENCE)


def test_a_segment_that_cannot_be_removed_is_shipped_once(place: Place) -> None:
    spool = place.open(disk=FaultyDisk(unlink=[errno.EIO, errno.EIO]))
    spool.accept(line(0))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0]
    assert place.files() == []


def test_threads_that_wait_for_the_disk_share_one_fsync(place: Place) -> None:
    class Slow(Disk):
        begun = threading.Event()
        go_on = threading.Event()
        count = 0

        def fsync(self, descriptor: int) -> None:
            self.count += 1
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
            super().fsync(descriptor)

    disk = Slow()
    spool = place.open(disk=disk, durability="fsync", limits=SpoolLimits(seal_after=PATIENCE))
    threads = [threading.Thread(target=spool.accept, args=(line(number),)) for number in range(20)]
    threads[0].start()
    assert disk.begun.wait(PATIENCE)
    for thread in threads[1:]:
        thread.start()
    until(lambda: spool.stats().accepted == 20)
    disk.go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert disk.count == 2
    assert spool.close(PATIENCE)


def test_no_one_who_records_waits_for_an_fsync_in_group_mode(place: Place) -> None:
    class Stuck(Disk):
        begun = threading.Event()
        go_on = threading.Event()

        def fsync(self, descriptor: int) -> None:
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
            super().fsync(descriptor)

    disk = Stuck()
    spool = place.open(disk=disk)
    spool.accept(line(0))
    assert disk.begun.wait(PATIENCE)
    for number in range(1, 300):
        spool.accept(line(number))
    disk.go_on.set()
    assert spool.close(PATIENCE)
    assert place.shipped() == list(range(300))


def test_trouble_is_logged_but_not_a_thousand_times(
    place: Place, bucket: FaultyBucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.fail = 5
    spool = place.open(bucket=bucket)
    with caplog.at_level(logging.WARNING, logger="byline"):
        for number in range(5):
            spool.accept(line(number))
        assert spool.close(PATIENCE)
    assert [record.message for record in caplog.records] == [
        "events wait in the spool, they could not be shipped: the bucket is away. Wait."
    ]


def test_a_process_that_can_have_no_more_threads_still_loses_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    spool = place.open()
    for number in range(3):
        spool.accept(line(number))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0, 1, 2]


def test_a_folder_that_somebody_removed_loses_nothing_that_was_not_sealed(place: Place) -> None:
    spool = place.open(limits=SpoolLimits(seal_after=PATIENCE))
    spool.accept(line(0))
    shutil.rmtree(place.spool)
    spool.accept(line(1))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0, 1]


def test_a_segment_that_cannot_be_read_holds_up_no_other(place: Place) -> None:
    place.spool.mkdir()
    (place.spool / "20260726T101530Z-9f86d081884c7d65-000001.ndjson").symlink_to("nowhere")
    spool = place.open()
    for number in range(3):
        spool.accept(line(number))
        assert spool.flush(PATIENCE)
    assert place.shipped() == [0, 1, 2]
    assert spool.stats().retries == 0
    spool.close(PATIENCE)
