"""What hardly ever happens to a spool, and costs neither an event nor the service when it does."""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from byline.capture import forks
from byline.capture.complaints import Complaints
from byline.capture.disk import Disk
from byline.capture.ship import ship_folder
from byline.capture.spool_process import SpoolLimits
from byline.capture.stream import EventIds
from byline.capture.tally import Tally
from byline.capture.writer import Writer
from byline.errors import SinkError
from byline.settings import Settings
from tests.unit.capture.spooling import PATIENCE, FaultyBucket, FaultyDisk, Place, line, until

NEVER = SpoolLimits(seal_after=PATIENCE * 10)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# --- a disk that fails ---


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc to count descriptors")
@pytest.mark.parametrize("fault", [errno.ENOSPC, -errno.ENOSPC])
def test_a_disk_that_stays_full_costs_no_descriptors_and_leaves_no_files(place: Place, fault: int) -> None:
    """Negative: half of each line was written before the disk was full."""
    spool = place.open(disk=FaultyDisk(append=[None, *[fault] * 300]), limits=NEVER)
    spool.accept(line(0))
    assert spool.flush(PATIENCE)
    before = open_descriptors()
    for number in range(300):
        with pytest.raises(SinkError):
            spool.accept(line(number))
    assert open_descriptors() < before + 20
    assert len(place.files()) < 20
    spool.accept(line(1))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0, 1]


def test_what_was_accepted_before_a_write_failed_is_shipped_although_nothing_more_comes(place: Place) -> None:
    disk = Synced(append=[None, errno.ENOSPC])
    spool = place.open(disk=disk, limits=NEVER)
    spool.accept(line(0))
    until(lambda: disk.synced)  # the commit thread has nothing to do any more
    with pytest.raises(SinkError):
        spool.accept(line(1))
    until(lambda: place.shipped() == [0])
    spool.close(PATIENCE)


class Synced(FaultyDisk):
    synced = False

    def fsync_folder(self, folder: Path) -> None:
        super().fsync_folder(folder)
        self.synced = True


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc to count descriptors")
def test_a_file_system_that_locks_nothing_refuses_and_costs_no_descriptors(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    spool = place.open()
    monkeypatch.setattr("fcntl.flock", no_locks)
    before = open_descriptors()
    for number in range(50):
        with pytest.raises(SinkError, match="No locks available"):
            spool.accept(line(number))
    assert open_descriptors() < before + 20
    assert place.files() == []
    spool.close(PATIENCE)


def test_something_unforeseen_in_the_commit_thread_leaves_no_segment_behind(place: Place) -> None:
    class Odd(Disk):
        odd = 2

        def fsync(self, descriptor: int) -> None:
            if self.odd:
                self.odd -= 1
                raise RuntimeError("nobody knows why")
            super().fsync(descriptor)

    spool = place.open(disk=Odd())
    spool.accept(line(0))
    assert spool.flush(PATIENCE)
    assert place.shipped() == [0]
    spool.close(PATIENCE)


def test_a_file_that_could_not_be_removed_is_not_written_over_by_the_one_that_would_take_its_name(place: Place) -> None:
    """An fsync failed; the lines were to be written anew, but only the first found room, and the file that holds it
    could not be removed. Whoever ships that one removes it, by its name: what has taken its name would go unshipped."""

    class Crowded(FaultyDisk):
        def append(self, descriptor: int, data: bytes) -> None:
            if data.count(b"\n") > 1:
                os.write(descriptor, data[: data.index(b"\n") + 1])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().append(descriptor, data)

    writer = writer_of(place, Crowded(fsync=[errno.EIO], unlink=[errno.EIO]))
    for number in range(2):
        writer.append(line(number))
    writer.sync()
    assert sorted((path.suffix, path.read_bytes().count(b"\n")) for path in place.spool.iterdir()) == [
        (".ndjson", 1),
        (".open", 2),
    ]
    del writer
    shipped = ship_folder(place.spool, Settings.load(place.spool.parent, environ={}))
    assert (shipped.left, shipped.error) == (0, None)
    assert set(place.shipped()) == {0, 1}


def writer_of(place: Place, disk: Disk) -> Writer:
    """Without the threads."""
    return Writer(
        place.spool, disk, max_bytes=1 << 20, seal_bytes=1 << 16, tally=Tally(), complaints=Complaints(interval=0.0)
    )


# --- a folder that goes away ---


@pytest.mark.parametrize("instead", ["nothing", "a file"])
def test_a_folder_that_is_away_does_not_count_as_shipped(place: Place, tmp_path: Path, instead: str) -> None:
    """It may come back, with all that it held."""
    bucket = FaultyBucket(place.bucket)
    bucket.fail = 1_000_000
    spool = place.open(bucket=bucket)
    spool.accept(line(0))
    assert not spool.flush(0.5)
    place.spool.rename(tmp_path / "away")
    if instead == "a file":
        place.spool.touch()
    bucket.fail = 0
    assert not spool.flush(0.5)
    assert spool.stats().waiting_events == 1
    if instead == "a file":
        place.spool.unlink()
    (tmp_path / "away").rename(place.spool)
    assert spool.close(PATIENCE)
    assert place.shipped() == [0]


# --- signals ---


@pytest.mark.parametrize("written", [0, 3, 1_000])
def test_a_signal_that_raises_in_the_middle_of_a_write_garbles_no_other_event(place: Place, written: int) -> None:
    """SIGTERM with a handler that calls ``sys.exit``, or Ctrl-C."""

    class Interrupted(Disk):
        interrupt = False

        def append(self, descriptor: int, data: bytes) -> None:
            if self.interrupt:
                self.interrupt = False
                os.write(descriptor, data[:written])
                raise KeyboardInterrupt
            super().append(descriptor, data)

    disk = Interrupted()
    spool = place.open(disk=disk, limits=NEVER)
    spool.accept(line(0))
    disk.interrupt = True
    with pytest.raises(KeyboardInterrupt):
        spool.accept(line(1))
    spool.accept(line(2))
    assert spool.close(PATIENCE)
    assert place.shipped() == [0, 2]


def test_a_signal_handler_may_record_wherever_it_interrupts() -> None:
    """Each line of what makes an id, or a complaint, is interrupted by another one; else the handler would wait for the
    thread that it runs in."""
    ids, complaints = EventIds(), Complaints(interval=0.0)
    made: list[int] = []

    def interrupt(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code in {EventIds.next.__code__, Complaints.say.__code__}:
            sys.settrace(None)
            made.append(ids.next(7).int)
            complaints.say("kind", "interrupted")
            sys.settrace(interrupt)
            frame.f_trace = interrupt
        return interrupt

    def record() -> None:
        sys.settrace(interrupt)
        for milliseconds in (7, 7, 8, 6, 8, 9):
            made.append(ids.next(milliseconds).int)
            complaints.say("kind", "recorded")
        sys.settrace(None)

    thread = threading.Thread(target=record, daemon=True)
    thread.start()
    thread.join(PATIENCE / 3)
    assert not thread.is_alive()
    assert len(made) > 12
    assert len(set(made)) == len(made)


# --- threads, forks, the end ---


def test_what_is_recorded_while_another_thread_closes_is_refused_and_not_left_behind(place: Place) -> None:
    """It had seen the spool open a moment before."""
    spool = place.open()
    spool.accept(line(0))
    process = spool._process()
    assert spool.close(PATIENCE)
    with pytest.raises(SinkError, match="closed"):
        process.accept(line(1))
    assert place.files() == []


def test_threads_that_fork_at_the_same_time_release_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one of them has waited in vain."""
    monkeypatch.setattr(forks, "_PATIENCE", 0.01)
    forks._before()
    other = threading.Thread(target=lambda: (forks._before(), forks._after_in_parent()))
    other.start()
    other.join(PATIENCE)
    forks._after_in_parent()
    taking = threading.Thread(target=lambda: [free.append(is_free(lock)) for lock in (forks.opening(), forks.whole())])
    free: list[bool] = []
    taking.start()
    taking.join(PATIENCE)
    assert free == [True, True]


def is_free(lock: threading.RLock) -> bool:
    free = lock.acquire(blocking=False)
    if free:
        lock.release()
    return free
