"""What stands in a message on SQS: S3's notifications, however they came, and our own, which look the same.

S3 writes ``{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name"}, "object": {"key"}}}]}``, with
keys encoded like a form's, and a test event without records when a notification is set up (Amazon S3 user guide, "Event
message structure"). SNS wraps that as text in ``Message``; EventBridge sends ``detail`` with keys that are not encoded.

Nothing here raises over a message: what cannot be understood is told as :class:`~byline.queue.port.Unread`, so that it
becomes a dead letter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from msgspec import Struct

from byline.errors import Reason
from byline.queue.port import Announcement, Unread

_CREATED = "ObjectCreated:"
_MAJOR = "2."
"""Of S3's ``eventVersion``: within it, fields are only added."""

_DEEPEST = 3
"""How many envelopes may lie around a notification."""


class Heard(Struct, frozen=True):
    """What a message says."""

    announcements: tuple[Announcement, ...] = ()
    """None in a test event, and where objects went rather than came."""
    unread: Unread | None = None
    """The first part that could not be understood."""


class _Unknown(Exception):
    """A part of a message that we cannot understand."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


class Notifications:
    """Messages about the bucket of this name, whose keys we know without their ``prefix`` (``audit`` in
    ``s3://bucket/audit``)."""

    def __init__(self, bucket: str = "", prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def write(self, announcement: Announcement) -> str:
        """A message that announces one object, as S3 would have written it."""
        prefix = self._prefix if announcement.bucket == self._bucket else ""
        record = {
            "eventVersion": "2.1",
            "eventSource": "byline",
            "eventName": f"{_CREATED}Announced",
            "s3": {
                "bucket": {"name": announcement.bucket},
                "object": {"key": quote_plus(prefix + announcement.key, safe="/=")},
            },
        }
        return json.dumps({"Records": [record]}, separators=(",", ":"))

    def read(self, message_id: str, body: str) -> Heard:
        """What a message says. One record that is odd keeps none of its neighbours from being heard."""
        announcements: list[Announcement] = []
        unread: Unread | None = None
        for found in _records(body):
            if isinstance(found, _Unknown):
                unread = unread or Unread(message_id=message_id, reason=found.reason, detail=str(found), body=body)
            elif found.bucket != self._bucket:
                announcements.append(found)
            elif found.key.startswith(self._prefix):
                announcements.append(Announcement(found.bucket, found.key.removeprefix(self._prefix)))
        return Heard(tuple(announcements), unread)


def _records(body: str) -> Iterator[Announcement | _Unknown]:
    """Each record in turn; what does not announce an object is passed over."""
    try:
        records = _unwrapped(body, _DEEPEST)
    except _Unknown as unknown:
        yield unknown
        return
    for record in records:
        try:
            announcement = _announcement(record)
        except _Unknown as unknown:
            yield unknown
        else:
            if announcement is not None:
                yield announcement


def _unwrapped(body: str, depth: int) -> list[Any]:
    """The records inside of whatever lies around them; none in a test event. One of EventBridge's is a record
    itself."""
    try:
        said = json.loads(body)
    except ValueError as error:
        raise _Unknown("invalid_json", f"the message is not JSON: {error}") from None
    except RecursionError:
        raise _Unknown("too_deep", "the message is nested too deeply") from None
    match said:
        case {"Records": list(records)}:
            return records
        case {"Event": "s3:TestEvent"}:
            return []
        case {"Message": str(inner), "TopicArn": str()} if depth > 0:
            return _unwrapped(inner, depth - 1)
        case {"detail-type": str(), "source": "aws.s3", "detail": dict()}:
            return [said]
        case dict():
            raise _Unknown("missing_field", "the message is no notification of S3: it has no Records")
        case _:
            raise _Unknown("not_an_object", "the message is JSON, but not an object")


def _announcement(record: Any) -> Announcement | None:
    """``None`` for a record of something else than an object that came."""
    match record:
        case {
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}},
        }:
            return _checked(bucket, key)
        case {"detail-type": "Object Created"}:
            raise _Unknown("missing_field", "EventBridge's message names no bucket and key")
        case {"detail-type": str()}:
            return None
        case {"eventName": str(name)} if not name.removeprefix("s3:").startswith(_CREATED):
            return None
        case {"eventName": str(), "s3": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}}}:
            _check_version(record)
            return _checked(bucket, _decoded(key))
        case dict():
            raise _Unknown("missing_field", "a record names no eventName, bucket and key")
        case _:
            raise _Unknown("not_an_object", "a record is not an object")


def _check_version(record: Mapping[str, Any]) -> None:
    version = record.get("eventVersion", _MAJOR)
    if not isinstance(version, str) or not version.startswith(_MAJOR):
        raise _Unknown("invalid_field", f"eventVersion {version!r} is not one that this Byline knows")


def _decoded(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeError:
        raise _Unknown("invalid_encoding", "a record's key is not UTF-8") from None


def _checked(bucket: str, key: str) -> Announcement:
    """No bucket and no key on S3 holds what is no text, so nothing of that kind goes on from here."""
    try:
        bucket.encode()
        key.encode()
    except UnicodeEncodeError:
        raise _Unknown("invalid_encoding", "a record's bucket or key holds half a surrogate pair") from None
    if not bucket or not key:
        raise _Unknown("invalid_field", "a record's bucket or key is empty")
    return Announcement(bucket, key)
