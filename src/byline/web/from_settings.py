"""The application as the settings say: what ``byline serve`` and the Lambda handler run."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from byline.bucket.port import Bucket
from byline.capture.recorder import Recorder
from byline.history.port import Counts, History
from byline.model import access
from byline.queue.port import Queue
from byline.settings import Settings
from byline.web.app import MAX_BODY, create_app
from byline.web.rates import rates_of
from byline.web.shapes import ProcessorHealth
from byline.web.sign_in import sign_in_of


def app_of(
    settings: Settings,
    *,
    history: History,
    bucket: Bucket,
    queue: Queue,
    processor: Callable[[], ProcessorHealth] = lambda: ProcessorHealth("absent"),
    taken: Callable[[], Counts] = Counts,
    recorder: Recorder | None = None,
    max_body: int = MAX_BODY,
) -> FastAPI:
    """Raises :class:`~byline.errors.UsageError` where the settings of sign-in are not whole. ``recorder`` is used
    where readers sign in and the settings want reads recorded; see :func:`recorder_of`."""
    sign_in = sign_in_of(settings)
    return create_app(
        history,
        bucket,
        queue=queue,
        cursor_key=settings.cursor_key.encode() if settings.cursor_key else None,
        processor=processor,
        taken=taken,
        sign_in=sign_in,
        rates=rates_of(settings.rate_limit),
        recorder=recorder,
        embed_origins=settings.embed_origins,
        max_body=max_body,
    )


def recorder_of(settings: Settings) -> Recorder | None:
    """What records who reads what, by way of the spool; ``None`` where nobody signs in, or the settings do not want
    it."""
    return Recorder(access.SERVICE, settings=settings) if records_reads(settings) else None


def records_reads(settings: Settings) -> bool:
    """Whether who reads what is recorded: only where readers have names."""
    return settings.record_reads and sign_in_of(settings) is not None


def anywhere(settings: Settings) -> bool:
    """Whether the API may answer on any address: only where readers sign in. Raises
    :class:`~byline.errors.UsageError`."""
    return sign_in_of(settings) is not None
