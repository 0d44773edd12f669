"""What ``byline ship`` does, on a disk that is watched and into a bucket that may be
ill."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from byline.capture.carrier import Carrier
from byline.capture.complaints import Complaints
from byline.capture.folder import look
from byline.capture.shipping import Shipping
from byline.capture.tally import Tally
from byline.queue.sqlite import SqliteQueue
from tests.torture.setup import Plan, open_bucket, watched

PASSES = 12
"""An ill bucket ends a pass."""


def prepare(plan: Plan) -> Callable[[], None]:
    return partial(ship, plan)


def ship(plan: Plan) -> None:
    _, disk = watched(plan)
    tally, complaints = Tally(), Complaints()
    queue = partial(SqliteQueue, plan.data / "queue.db")
    carrier = Carrier(partial(open_bucket, plan), queue, tally=tally, complaints=complaints)
    shipping = Shipping(plan.spool, disk, carrier, tally=tally, complaints=complaints)
    for _ in range(PASSES):
        if shipping.ship(look(plan.spool)).error is None:
            break
    carrier.close()
