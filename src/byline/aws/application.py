"""The web application as Lambda runs it."""

from __future__ import annotations

from importlib import import_module

from byline.aws import answers, reads, stores
from byline.aws.asgi import App
from byline.aws.limits import LARGEST, Limits
from byline.web.from_settings import app_of, records_reads

_WITH_A_QUESTION = ("byline.web.prometheus", "limits.storage", "limits.strategies", "botocore.session", "boto3")


def prepare() -> None:
    """Load what a question will need, and open nothing: before a snapshot, so that it is in it."""
    stores.prepare()
    for name in _WITH_A_QUESTION:
        import_module(name)


def make() -> App:
    """The application within Lambda's limits. Its stores are opened with the first question."""
    settings = stores.settings()
    app = app_of(
        settings,
        history=stores.LazyHistory(),
        bucket=stores.lazy_bucket(),
        queue=stores.lazy_queue(),
        recorder=reads.recorder() if records_reads(settings) else None,
        max_body=LARGEST,
    )
    return Limits(app, lay=lambda body, name, headers: answers.place().lay(body, name, headers), bucket=settings.bucket)
