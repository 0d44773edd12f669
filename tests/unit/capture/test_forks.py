"""A fork waits for what it must not cut in half; whoever records waits for none of that."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from byline.bucket.folder import FolderBucket
from byline.capture import forks
from byline.capture.spool import Spool
from byline.capture.spool_process import SpoolLimits
from tests.unit.capture.spooling import PATIENCE, Place, line, until


def test_nobody_who_records_waits_while_the_client_of_the_bucket_is_opened(tmp_path: Path) -> None:
    place, opening, opened = Place(tmp_path), threading.Event(), threading.Event()

    def open_bucket() -> FolderBucket:
        opening.set()
        assert opened.wait(PATIENCE)
        return FolderBucket(place.bucket)

    spool = Spool(place.spool, open_bucket, limits=SpoolLimits(seal_after=0.01, seal_bytes=200))
    spool.accept(line(1))
    assert opening.wait(PATIENCE)
    recording = threading.Thread(target=lambda: [spool.accept(line(n, size=150)) for n in range(2, 6)])
    recording.start()  # each has a segment of its own
    recording.join(PATIENCE)
    waited = recording.is_alive()
    # Those that are full are sealed meanwhile, so the thread that makes events durable does not wait either.
    until(lambda: waited or len([name for name in place.files() if name.endswith(".ndjson")]) >= 4)
    opened.set()
    assert not waited
    assert spool.close(PATIENCE)
    assert place.shipped() == [1, 2, 3, 4, 5]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_an_import_and_the_child_can_take_every_lock() -> None:
    held, done = threading.Event(), threading.Event()

    def import_something() -> None:
        with forks.opening():
            held.set()
            threading.Event().wait(0.2)
            done.set()

    importing = threading.Thread(target=import_something)
    importing.start()
    assert held.wait(PATIENCE)
    child = os.fork()
    if child == 0:
        whole = done.is_set()
        free = all(lock.acquire(blocking=False) for lock in (forks.opening(), forks.whole()))
        os._exit(0 if whole and free else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    importing.join(PATIENCE)
    for lock in (forks.opening(), forks.whole()):
        assert lock.acquire(blocking=False)
        lock.release()
