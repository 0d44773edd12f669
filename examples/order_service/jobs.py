"""``python -m examples.order_service.jobs``: the worker behind the order service, a process of its own.

What it writes carries the request id and the actor of the request that asked for it, and the name of the job.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import select, update

from byline import Recorder, load_context
from byline.integrations.sqlalchemy import track
from examples.database import Sessions, open_database
from examples.order_service import service
from examples.order_service.models import Base, Job

JOBS: Final[dict[str, Callable[..., None]]] = {"issue_credit_note": service.issue_credit_note}
PAUSE: Final = 0.2
"""Seconds between two looks at an empty queue."""

_log = logging.getLogger(__name__)


def run_next(sessions: Sessions) -> bool:
    """Do one job. False where nothing was done: the queue is empty, or the job failed and waits for its next turn."""
    with sessions() as session:
        job = session.scalars(select(Job).order_by(Job.attempts, Job.id).limit(1)).first()
    if job is None:
        return False
    try:
        # The event is made when the transaction commits, so the context stands around all of it.
        with load_context(job.context, job=job.name), sessions.begin() as session:
            mine = session.get(Job, job.id, with_for_update=True)
            if mine is not None:  # else another worker was quicker
                session.delete(mine)
                JOBS[job.name](session, **job.about)
    except Exception:  # noqa: BLE001 - a job may fail in any way, and its neighbours wait
        _log.exception("job %s (%s) failed and is tried again after the others", job.id, job.name)
        with sessions.begin() as session:
            session.execute(update(Job).where(Job.id == job.id).values(attempts=Job.attempts + 1))
        return False
    return True


def work(sessions: Sessions, ended: Callable[[], object]) -> None:
    """Job after job, until ``ended`` says so."""
    while not ended():
        if not run_next(sessions):
            time.sleep(PAUSE)


def main() -> None:
    sessions = open_database(os.environ.get("ORDERS_DATABASE", "sqlite:///orders.db"), Base)
    recorder = Recorder("orders")
    track(sessions, recorder)
    heard: list[int] = []  # a handler does next to nothing: what it interrupts may hold any lock
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: heard.append(number))
    work(sessions, lambda: heard)
    recorder.close()


if __name__ == "__main__":
    main()
