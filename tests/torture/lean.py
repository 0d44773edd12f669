"""The product service without HTTP, which works several times as fast. Its tables, its rules, ``track`` and the
recorder are the very same."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from sqlalchemy.orm import Session

from byline import bind
from byline.integrations.sqlalchemy import track
from examples.database import Sessions, open_database
from examples.product_service import service
from examples.product_service.models import Base
from tests.torture.setup import Noting, Plan, watched
from tests.torture.work import NEVER, UNKNOWN, WORKERS, Request, work


class Rules:
    """Calls the service's rules as its routes do."""

    def __init__(self, sessions: Sessions, recorder: Noting, *, eager: bool) -> None:
        self._sessions = sessions
        self._recorder = recorder
        self._eager = eager

    def create(self, request: Request, tags: list[str]) -> int:
        with bind(request.id), self._sessions.begin() as session:
            new = {"title": "Kettle", "price": Decimal(0), "inventory": 1, "description": "x" * 200}
            product = service.create(session, sku_id=request.id, tags=tags, **new)
            session.flush()
            return product.id

    def change(self, request: Request, product: int, description: str) -> None:
        with bind(request.id), self._sessions.begin() as session:
            savepoint = session.begin_nested()
            service.change(session, product, {"title": NEVER})
            session.flush()
            savepoint.rollback()
            service.change(session, product, {"description": description})

    def reprice(self, request: Request, prices: Mapping[int, Decimal]) -> None:
        try:
            with bind(request.id), self._sessions.begin() as session:
                self._reprice(session, prices)
        except service.UnknownProduct:
            return

    def delete(self, request: Request, product: int) -> None:
        with bind(request.id), self._sessions.begin() as session:
            service.delete(session, product)

    def _reprice(self, session: Session, prices: Mapping[int, Decimal]) -> None:
        if self._eager and UNKNOWN in prices:
            for product, price in prices.items():
                self._recorder.record("update", "products_master", product, new={"price": price})
        service.reprice(session, prices)


def prepare(plan: Plan) -> Callable[[], None]:
    """What can be done before the crash points begin, and the work itself. The database is open by then, and its log is
    there: a fault of the disk is to meet the spool, and not the business."""
    sessions = open_database(f"sqlite:///{plan.database}", Base)
    opened = [sessions.kw["bind"].raw_connection() for _ in range(WORKERS)]
    for connection in opened:
        connection.cursor().execute("PRAGMA user_version = 1")
    for connection in opened:
        connection.close()
    board, disk = watched(plan)
    recorder = Noting(plan, board, disk)
    track(sessions, recorder)
    rules = Rules(sessions, recorder, eager=plan.broken == "commit")
    begun = threading.Event()

    def run(worker: int) -> None:
        begun.wait()
        work(rules, worker, plan.rounds, lambda request: board.note("done", request.id))

    threads = [threading.Thread(target=run, args=(worker,), name=f"worker-{worker}") for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    recorder.begin()
    return partial(torture, plan, recorder, threads, begun)


def torture(plan: Plan, recorder: Noting, threads: list[threading.Thread], begun: threading.Event) -> None:
    begun.set()
    for thread in threads:
        thread.join()
    if plan.abrupt:
        recorder.note_stats()
        os.kill(os.getpid(), signal.SIGKILL)
    recorder.close(5)
    recorder.note_stats()
