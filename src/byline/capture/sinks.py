"""The sink that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, cast

from byline.bucket.port import Bucket
from byline.capture.buffer import Buffer
from byline.capture.port import Sink
from byline.capture.spool import Spool
from byline.capture.spool_process import SpoolLimits
from byline.queue.port import Queue
from byline.settings import Settings


def open_sink(settings: Settings) -> Sink:
    """A spool in ``BYLINE_SPOOL``, or with ``BYLINE_DURABILITY=memory`` a buffer. Nothing is asked of the bucket yet,
    and its client is not loaded before there is something to ship."""
    bucket, queue = openers(settings)
    if settings.durability == "memory":
        return Buffer(bucket, queue)
    durability = cast("Literal['group', 'fsync']", settings.durability)
    limits = SpoolLimits(max_bytes=settings.spool_max_bytes)
    return Spool(settings.spool, bucket, queue, durability=durability, limits=limits)


def openers(settings: Settings) -> tuple[Callable[[], Bucket], Callable[[], Queue] | None]:
    """What opens the bucket, and the queue. A folder announces its objects on the queue; a bucket in the cloud does
    that itself, so there is no queue for it."""
    queue = partial(_open_queue, settings) if settings.bucket.startswith("file:") else None
    return partial(_open_bucket, settings), queue


def _open_bucket(settings: Settings) -> Bucket:
    from byline import wiring  # noqa: PLC0415 - `import byline` loads neither bucket, queue nor history

    return wiring.open_bucket(settings)


def _open_queue(settings: Settings) -> Queue:
    from byline import wiring  # noqa: PLC0415 - as above

    return wiring.open_queue(settings)
