"""Every error that Byline raises on purpose.

::

    BylineError
    ├── Rejected             an event that the codec cannot take (it becomes a dead letter)
    ├── UsageError           the call is wrong: an argument, a setting, a file        exit status 2
    │   ├── InvalidCursor    a page cursor that was not made for this question
    │   └── StaleFeed        a place in the feed from before a rebuild
    ├── RecordError          an event could not be recorded (raised only where ``on_error="raise"``)
    │   └── SinkError        the sink cannot take it: full, closed, or the disk failed
    └── Unreachable          something needed does not answer                         exit status 3
        ├── BucketError
        │   └── ObjectMissing
        ├── QueueError
        └── HistoryError
            ├── HistoryDown  it can store nothing at present: its disk is full, or fails
            └── SchemaOutdated

Adapters translate their driver's errors into these; nothing above them catches a driver's own.
"""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "invalid_json",
    "invalid_encoding",
    "not_an_object",
    "missing_field",
    "invalid_field",
    "unknown_action",
    "missing_timestamp",
    "invalid_timestamp",
    "conflicting_event",
    "too_deep",
    "too_large",
    "bad_compression",
    "object_missing",
    "foreign_bucket",
    "gave_up",
]
"""Why something became a dead letter (DESIGN §3)."""


class BylineError(Exception):
    """The root. ``hint`` says what to do next, in one plain sentence."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Rejected(BylineError):
    """The envelope of an event is broken.

    ``reason`` is one word of :data:`Reason`, ``detail`` a sentence that names the field.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class UsageError(BylineError):
    """The caller asked for something that cannot be: a wrong argument, setting or file."""


class InvalidCursor(UsageError):
    """The cursor is damaged, or was made for another question."""


class StaleFeed(UsageError):
    """The place in the feed is from before a rebuild of the history: begin again."""


class RecordError(BylineError):
    """An event could not be recorded. A service sees it only where it asked for ``on_error="raise"``."""


class SinkError(RecordError):
    """The sink cannot take the event: it is full, closed, or its disk failed. The event has not been taken."""


class Unreachable(BylineError):
    """Something that is needed does not answer, or answers that it cannot."""


class BucketError(Unreachable):
    """The bucket refused, or did not answer."""


class ObjectMissing(BucketError):
    """There is no object under this key."""


class QueueError(Unreachable):
    """The queue refused, or did not answer."""


class HistoryError(Unreachable):
    """The history's database refused, or did not answer."""


class HistoryDown(HistoryError):
    """The history can store nothing at present, whatever it is: its disk is full or failed, or may not be written."""


class SchemaOutdated(HistoryError):
    """The history's schema is not the one that this code speaks: run ``byline migrate``."""
