"""One line → one entry of the history, or the dead letter that says why not. This is the hot path of the processor."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from byline.errors import Reason, Rejected
from byline.history.port import MESSAGES, DeadLetter, Entry, dead_letter_id
from byline.model.codec import decode
from byline.model.device import device
from byline.model.diff import diff
from byline.model.digest import digest
from byline.model.event import AuditEvent
from byline.processor.lines import KEPT_RAW, Line, Problem
from byline.queue.port import Announcement, Unread


def entry(line: Line, key: str) -> Entry:
    """Raises :class:`~byline.errors.Rejected`, and nothing else, whatever the bytes are."""
    data = line.data
    event = decode(data, key=key, line=line.number)
    return Entry(
        event=event,
        changes=diff(event),
        device=device(_user_agent(event)),
        line=line.number,
        offset=line.offset,
        size=len(data),
        sha256=sha256(data).digest(),
        before=digest(event.old_data),
        after=digest(event.new_data),
    )


def line_letter(line: Line, key: str, rejected: Rejected, received_at: datetime) -> DeadLetter:
    """The dead letter of a line that the codec refused."""
    return DeadLetter(
        id=dead_letter_id(key, line.number, rejected.reason),
        key=key,
        line=line.number,
        reason=rejected.reason,
        detail=rejected.detail,
        received_at=received_at,
        offset=line.offset,
        size=len(line.data),
        raw=line.data[:KEPT_RAW],
    )


def problem_letter(problem: Problem, key: str, received_at: datetime) -> DeadLetter:
    """The dead letter of what could not even be held as a line."""
    return DeadLetter(
        id=dead_letter_id(key, problem.line, problem.reason),
        key=key,
        line=problem.line,
        reason=problem.reason,
        detail=problem.detail,
        received_at=received_at,
        offset=problem.offset,
        size=problem.size,
        raw=problem.raw,
    )


def object_letter(key: str, reason: Reason, detail: str, received_at: datetime) -> DeadLetter:
    """The dead letter of an object that could not be read at all."""
    return DeadLetter(
        id=dead_letter_id(key, None, reason), key=key, line=None, reason=reason, detail=detail, received_at=received_at
    )


def message_letter(unread: Unread, received_at: datetime) -> DeadLetter:
    """The dead letter of a message that announces nothing that can be understood. No object has such a key."""
    key = f"{MESSAGES}{unread.message_id}"
    raw = unread.body.encode("utf-8", "backslashreplace")
    return DeadLetter(
        id=dead_letter_id(key, None, unread.reason),
        key=key,
        line=None,
        reason=unread.reason,
        detail=unread.detail,
        received_at=received_at,
        size=len(raw),
        raw=raw[:KEPT_RAW],
    )


def foreign_letter(announcement: Announcement, bucket: str, received_at: datetime) -> DeadLetter:
    """The dead letter of an object that was announced for another bucket than ``bucket``: it is not read."""
    detail = f"it was announced for the bucket {announcement.bucket}; this processor reads {bucket} only"
    key = f"{announcement.bucket}/{announcement.key}"
    return object_letter(printable(key), "foreign_bucket", printable(detail), received_at)


def printable(text: str) -> str:
    """Announcements come from outside; what is no text is shown escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _user_agent(event: AuditEvent) -> str | None:
    miscellaneous = event.request_info.miscellaneous
    agent = miscellaneous.get("user_agent") if miscellaneous else None
    return agent if isinstance(agent, str) else None
