"""From URLs to objects, and nowhere else. An implementation is imported only when its URL asks for it."""

from __future__ import annotations

from byline.bucket.port import Bucket
from byline.errors import UsageError
from byline.history.port import History
from byline.queue.notification import Notifications
from byline.queue.port import Queue
from byline.settings import Settings, path_of


def open_bucket(settings: Settings) -> Bucket:
    """The bucket of ``BYLINE_BUCKET``. Nothing is asked of it yet."""
    if settings.bucket.startswith("file:"):
        from byline.bucket.folder import FolderBucket

        return FolderBucket(path_of(settings.bucket))
    try:
        from byline.bucket.cloud import CloudBucket
    except ModuleNotFoundError as error:
        hint = "Install it: pip install 'byline[cloud]'."
        raise UsageError(f"BYLINE_BUCKET={settings.bucket} needs the library {error.name}", hint=hint) from error
    return CloudBucket(settings.bucket, settings.environ)


def open_queue(settings: Settings) -> Queue:
    """The queue of ``BYLINE_QUEUE``; the file is made where it is missing."""
    if settings.queue.startswith("sqs:"):
        from byline.queue.sqs import SqsQueue

        return SqsQueue(settings.queue.removeprefix("sqs:"), settings.environ, notifications=notifications_of(settings))
    from byline.queue.sqlite import SqliteQueue

    return SqliteQueue(
        path_of(settings.queue), visibility=settings.queue_visibility, max_receives=settings.queue_max_receives
    )


def notifications_of(settings: Settings) -> Notifications:
    """How messages about the bucket are read and written: S3 names an object by its whole key."""
    scheme, _, rest = settings.bucket.partition("://")
    if scheme == "file":
        return Notifications(settings.bucket)
    bucket, _, prefix = rest.partition("/")
    return Notifications(bucket, prefix)


def open_history(settings: Settings) -> History:
    """The history of ``BYLINE_HISTORY``."""
    if settings.history.startswith(("mysql:", "secret:")):
        try:
            from byline.history.mysql import MySqlHistory
        except ModuleNotFoundError as error:
            hint = "Install it: pip install 'byline[mysql]'."
            raise UsageError(f"BYLINE_HISTORY: MySQL needs the library {error.name}", hint=hint) from error
        return MySqlHistory(settings.history, environ=settings.environ)
    from byline.history.sqlite import SqliteHistory

    return SqliteHistory(path_of(settings.history))
