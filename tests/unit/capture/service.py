"""Programs that record: run in processes of their own, since they fork, and are killed.

``python -m tests.unit.capture.service PROGRAM FOLDER [ARGUMENTS]``. Each prints the number of an event on a line of its
own once ``accept`` or ``record`` has returned.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from byline.bucket.folder import FolderBucket
from byline.capture import forks
from byline.capture.committer import Committer
from byline.capture.disk import Disk, lock
from byline.capture.recorder import Recorder
from byline.capture.spool import Spool
from byline.capture.spool_process import SpoolLimits
from byline.errors import SinkError
from tests.unit.capture.spooling import PATIENCE, MirrorDisk, Place, line, until


def say(*words: object) -> None:
    # writev, so that a fault that a test injects into write does not meet it
    os.writev(1, [(" ".join(map(str, words)) + "\n").encode()])


def record_for_ever(place: Place, durability: str, mirrored: str = "") -> None:
    """Until it is killed. With a mirror its disk can lose its power, and it says, too, when the committer begins and
    ends to make durable what was accepted."""
    disk: Disk = MirrorDisk(Path(mirrored)) if mirrored else Disk()
    if mirrored:
        _tell_of_the_committer()
    spool = place.open(disk=disk, durability=durability, limits=SpoolLimits(seal_after=0.03, seal_bytes=20_000))
    numbers = iter(range(1_000_000))

    def work() -> None:
        for number in numbers:
            spool.accept(line(number, size=100))
            say(number)
            time.sleep(0.0005)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _tell_of_the_committer() -> None:
    step = Committer.step

    def told(committer: Committer) -> None:
        say("begin")
        step(committer)
        say("end")

    Committer.step = told  # type: ignore[method-assign]


def record_and_end(place: Place, count: str) -> None:
    """As a script does: nobody closes anything."""
    recorder = Recorder("shop", place.open())
    for number in range(int(count)):
        recorder.record("create", "t", number, new={"n": number})
        say(number)


def record_until_refused(place: Place, durability: str) -> None:
    """A hundred events; says which were taken, and at last what was counted."""
    spool = place.open(durability=durability, limits=SpoolLimits(seal_after=0.02, seal_bytes=2_000))
    for number in range(100):
        try:
            spool.accept(line(number))
            say(number)
        except SinkError:
            say("refused", number)
        time.sleep(0.001)
    spool.close(2)  # nobody waits for a bucket that fails, too
    stats = spool.stats()
    say("stats", stats.accepted, stats.failed, stats.in_doubt)


def prefork(place: Place, workers: str, count: str) -> None:
    """As a pre-forking server does: imported and used before the fork, while other threads record, and used in every
    worker. One worker in three is killed, one ends without a word, one ends in order."""
    recorder = Recorder("shop", place.open(), on_error="raise")
    busy = threading.Event()
    numbers = iter(range(int(count)))
    threads = [threading.Thread(target=_work, args=(recorder, "parent", numbers, busy)) for _ in range(3)]
    for thread in threads:
        thread.start()
    busy.wait(PATIENCE)
    children = []
    for worker in range(int(workers)):
        child = os.fork()
        if child == 0:
            _worker(recorder, worker, int(count))
        children.append(child)
        time.sleep(0.005)
    for thread in threads:
        thread.join()
    for child in children:
        os.waitpid(child, 0)
    recorder.close(PATIENCE)
    say("stats", recorder.stats().failed, recorder.stats().sink.failed)


def _worker(recorder: Recorder, worker: int, count: int) -> None:
    numbers = iter(range(count))
    threads = [
        threading.Thread(target=_work, args=(recorder, f"worker{worker}", numbers, threading.Event())) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if worker % 3 == 0:
        os.kill(os.getpid(), 9)
    if worker % 3 == 1:
        os._exit(0)
    recorder.close(PATIENCE)
    os._exit(0)


def _work(recorder: Recorder, who: str, numbers: Any, busy: threading.Event) -> None:
    for number in numbers:
        recorder.record("create", who, number, new={"n": number})
        say(who, number)
        if number >= 20:
            busy.set()


def fork_after_shipping(place: Place) -> None:
    """The parent has used a client that does not survive a fork; its child records, too."""

    class Cloud(FolderBucket):
        user: int | None = None

        def __init__(self, root: Path) -> None:
            super().__init__(root)
            self.name = "cloud"

        def put(self, key: str, data: bytes | BinaryIO) -> bool:
            if Cloud.user not in {None, os.getpid()}:
                say("hangs")
                time.sleep(PATIENCE)
            Cloud.user = os.getpid()
            return super().put(key, data)

    spool = Spool(place.spool, lambda: Cloud(place.bucket), limits=SpoolLimits(seal_after=0.02))
    spool.accept(line(1))
    say("parent", spool.flush(PATIENCE))
    child = os.fork()
    if child == 0:
        spool.accept(line(2))
        say("child", spool.flush(PATIENCE), *place.files())
        spool.close(PATIENCE)
        os._exit(0)
    os.waitpid(child, 0)
    spool.accept(line(3))
    say("parent", spool.close(PATIENCE))


def fork_behind_python(place: Place) -> None:
    """As servers written in C do, which tell Python nothing of it: no thread lives in the parent, but a lock does."""
    disk = Disk()
    disk.make_folder(place.spool)
    path = place.spool / "locked"
    say("parent", lock(disk.create(path)))
    parent = os.getpid()
    if ctypes.PyDLL(None).fork() == 0:
        say("child", lock(disk.open(path)))
        forks.notice()
        until(lambda: os.getppid() != parent)
        say("child", lock(disk.open(path)))
        os._exit(0)
    time.sleep(0.2)
    os.kill(parent, 9)


def hold(place: Place) -> None:
    """Record once, and live on until standard input ends."""
    spool = place.open(limits=SpoolLimits(seal_after=PATIENCE))
    spool.accept(line(1))
    say(1)
    sys.stdin.read()
    os._exit(0)


def end_while_the_bucket_hangs(place: Place, how: str) -> None:
    """Nobody closes anything: the program comes to its end, or SIGTERM ends it in the middle of a flush."""

    class Hanging(FolderBucket):
        def put(self, key: str, data: bytes | BinaryIO) -> bool:
            time.sleep(PATIENCE * 10)
            return super().put(key, data)

    spool = place.open(bucket=Hanging(place.bucket), limits=SpoolLimits(seal_after=PATIENCE, exit_seconds=0.2))
    for number in range(3):
        spool.accept(line(number))
    if how == "terminated":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        spool.flush()
        say("flushed")
    say("ends")


if __name__ == "__main__":
    program, folder, *arguments = sys.argv[1:]
    globals()[program](Place(Path(folder)), *arguments)
