"""What all processes under torture have: a recorder that notes what it promised, on a disk that is watched."""

from __future__ import annotations

import os
import threading
from functools import partial
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from byline import Recorder, current
from byline.bucket.folder import FolderBucket
from byline.capture.spool import Spool
from byline.capture.spool_process import EXPOSURE, SpoolLimits
from byline.queue.sqlite import SqliteQueue
from examples.product_service.app import NAME
from tests.torture.board import Board, read_board
from tests.torture.buckets import BUCKETS
from tests.torture.witness import KeepingDisk, LazyDisk, WatchedEvent, Witness

PLAN = "TORTURE_PLAN"

Durability = Literal["fsync", "group"]
Broken = Literal["write", "fsync", "exposure", "once", "commit"]
"""What a canary breaks on purpose: each line is written when the next one comes; fsync does nothing; the
exposure has no end; each event is recorded twice; events are recorded before a commit that does not come."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a child is told, as JSON in its environment."""

    folder: Path
    durability: Durability = "group"
    bucket: str = "well"
    rounds: int = 4
    abrupt: bool = False
    """Ends as a process that is killed ends: without a word."""
    broken: Broken | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def spool(self) -> Path:
        return self.data / "spool"

    @property
    def attic(self) -> Path:
        return self.folder / "attic"

    @property
    def board(self) -> Path:
        return self.folder / "board"

    @property
    def database(self) -> Path:
        return self.folder / "products.db"

    def environ(self) -> dict[str, str]:
        return {PLAN: msgspec.json.encode(self, enc_hook=str).decode()}


def told() -> Plan:
    return msgspec.json.decode(os.environ[PLAN], type=Plan, dec_hook=lambda kind, text: kind(text))


class Noting(Recorder):
    """Notes each event once ``record`` has returned: from then on it is promised."""

    def __init__(self, plan: Plan, board: Board, disk: KeepingDisk) -> None:
        super().__init__(NAME, spool_of(plan, disk))
        self._board = board
        self._again = plan.broken == "once"

    def record(self, action: str, table_id: str, entity_id: Any, **rest: Any) -> UUID | None:
        event_id = super().record(action, table_id, entity_id, **rest)
        if self._again:
            super().record(action, table_id, entity_id, **rest)
        context = current()
        self._board.note(
            "recorded" if event_id is not None else "refused",
            context.request_id if context is not None else None,
            str(event_id),
        )
        return event_id

    def note_stats(self) -> None:
        stats = self.stats()
        self._board.note("stats", stats.failed, stats.sink.failed, stats.sink.in_doubt, stats.last_error)

    def begin(self) -> None:
        """Have the threads of the spool before there is anything to do for them, so that they can be watched."""
        assert isinstance(self.sink, Spool)
        process = self.sink._process()
        committer = process._committer
        committer._work, committer._stop = WatchedEvent(self._board, "work"), WatchedEvent(self._board, "stop")
        process.start()
        self._board.note("threads", {thread.name: thread.native_id for thread in threading.enumerate()})


def threads_of(plan: Plan) -> dict[str, int]:
    """The threads of a child that has begun, by name."""
    for kind, _, *said in read_board(plan.board):
        if kind == "threads":
            return dict(said[0])
    return {}


def spool_of(plan: Plan, disk: KeepingDisk) -> Spool:
    """It seals and ships often, so that a short run meets every part of the road."""
    exposure = 3600.0 if plan.broken == "exposure" else EXPOSURE
    return Spool(
        plan.spool,
        partial(open_bucket, plan),
        partial(SqliteQueue, plan.data / "queue.db"),
        durability=plan.durability,
        limits=SpoolLimits(seal_after=0.05, seal_bytes=16_000, exposure=exposure),
        disk=disk,
    )


def open_bucket(plan: Plan) -> FolderBucket:
    return BUCKETS[plan.bucket](plan.data / "bucket")


def watched(plan: Plan) -> tuple[Board, KeepingDisk]:
    """A board, and a disk on which everything that is there already is durable."""
    board = Board(plan.board)
    witness = Witness(board, lies=plan.broken == "fsync")
    witness.assume(plan.data)
    witness.install()
    witness.start()
    disk = LazyDisk(plan.attic) if plan.broken == "write" else KeepingDisk(plan.attic)
    if plan.spool.exists():
        for path in plan.spool.iterdir():
            disk.keep(path)
    return board, disk
