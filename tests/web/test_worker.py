from __future__ import annotations

import threading

from byline.web.worker import Worker


def wait_until(event: threading.Event) -> None:
    assert event.wait(30), "it never happened"


def test_a_worker_runs_until_it_is_stopped_and_finishes_what_it_has_in_hand() -> None:
    began, finished = threading.Event(), threading.Event()

    def run(stop: threading.Event) -> None:
        began.set()
        stop.wait()
        finished.set()

    worker = Worker(run)
    worker.start()
    wait_until(began)
    assert worker.health().state == "running"
    worker.stop()
    worker.join()
    assert finished.is_set()
    assert worker.health().state == "stopped"
    assert worker.health().failures == 0


def test_a_worker_that_dies_is_counted_and_started_again() -> None:
    tries = 0
    third = threading.Event()

    def run(stop: threading.Event) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise MemoryError
        third.set()
        stop.wait()

    worker = Worker(run, pause=0.001)
    worker.start()
    wait_until(third)
    assert worker.health().state == "running"
    assert worker.health().failures == 2
    worker.stop()
    worker.join()


def test_a_worker_says_that_it_is_being_restarted() -> None:
    failed = threading.Event()

    def run(stop: threading.Event) -> None:
        failed.set()
        raise OSError("the disk is gone")

    worker = Worker(run, pause=3600)
    worker.start()
    wait_until(failed)
    while worker.health().failures == 0:
        threading.Event().wait(0.001)
    assert worker.health().state == "restarting"
    worker.stop()
    worker.join()


def test_a_worker_that_ends_by_itself_has_failed() -> None:
    worker = Worker(lambda stop: None, pause=3600)
    worker.start()
    while worker.health().failures == 0:
        threading.Event().wait(0.001)
    worker.stop()
    worker.join()
    assert worker.health().failures == 1
