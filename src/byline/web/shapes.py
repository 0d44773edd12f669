"""The bodies of the HTTP API's answers, around the rows of ``byline.model.query``."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from byline.model.query import ChangeRow, DayActivity, EventRow
from byline.model.undo import UndoPlan
from byline.processor.blame import Blame


class Changes(Struct, frozen=True):
    """A page of ``/v1/changes``. ``next_cursor`` is null at the end; a page may be short, even empty, and still go
    on."""

    data: list[ChangeRow]
    next_cursor: str | None


class Events(Struct, frozen=True):
    """A page of ``/v1/events``. ``next_cursor`` is null at the end; a page may be short, even empty, and still go
    on."""

    data: list[EventRow]
    next_cursor: str | None


class RequestEvents(Struct, frozen=True):
    """Everything one request changed, oldest first, a page at a time."""

    request_id: str
    data: list[EventRow]
    next_cursor: str | None
    undo: UndoPlan | None
    """What would undo all of it; ``None`` where ``undo=no`` was asked for, and on later pages."""


class Feed(Struct, frozen=True):
    """Events in order of arrival."""

    data: list[EventRow]
    next: str
    """The ``after`` of the next call, also at the end. It holds until the history is rebuilt."""
    at_end: bool
    """Nothing more has arrived yet: ask again in a while."""


class Activity(Struct, frozen=True):
    """Events a day, oldest day first. Days without events are absent."""

    data: list[DayActivity]


class LineProblem(Struct, frozen=True):
    """Why one line was not taken."""

    line: int
    """Counted from 1; of a list, the place in it."""
    reason: str
    """A word, of those that dead letters have, or ``foreign_account``."""
    detail: str


class Taken(Struct, frozen=True, kw_only=True):
    """What came of a call that brings events. Those that were accepted rest in the bucket, and are announced."""

    accepted: int
    refused: int
    object: str | None
    """The key of the object in which they rest; ``None`` where none was accepted."""
    problems: list[LineProblem]
    """The first 100 of those refused."""


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter."""

    id: str
    key: str
    line: int | None
    """``None`` where the whole object is the trouble."""
    reason: str
    detail: str
    received_at: str


class Letters(Struct, frozen=True):
    """The open dead letters, newest first."""

    data: list[Letter]
    more: bool
    """There are more than were asked for."""


class Replay(Struct, frozen=True):
    """What a replay came to. ``letter`` is the trouble that is left; ``None`` where it is over."""

    id: str
    accepted: bool
    letter: Letter | None


class NewSession(Struct, frozen=True, forbid_unknown_fields=True):
    """What opens a session."""

    token: str


class Session(Struct, frozen=True, kw_only=True):
    """Whose session it is."""

    subject: str | None
    name: str | None
    email: str | None
    account_id: str | None
    scopes: list[str]
    expires_at: str


class Entity(Struct, frozen=True, kw_only=True):
    """An entity as it was, and who set each of its attributes last."""

    table_id: str
    entity_id: str
    as_of: str | None
    """The time that was asked for, or the newest event's."""
    state: dict[str, Any] | None
    """``None`` where the entity was not there: not yet, or deleted."""
    event_id: str | None
    """The event that tells the state."""
    notes: list[str]
    """What a reader should know before relying on the state."""
    blame: list[Blame]
    """In order of attributes."""


class HistoryHealth(Struct, frozen=True):
    """``objects`` is the newest arrival number; ``dead_letters`` are the open ones, counted up to 1,000."""

    objects: int
    newest_event_at: str | None
    dead_letters: int
    schema: str


class ProcessorHealth(Struct, frozen=True):
    """The thread that takes announced objects. ``state`` is ``absent`` where this process has none."""

    state: Literal["running", "restarting", "stopped", "absent"]
    failures: int = 0
    """How often it ended unexpectedly since this process began."""


class Healthy(Struct, frozen=True):
    """The answer of ``/health`` while everything works. Where readers sign in, only one with the scope ``byline:admin``
    is told more than the status."""

    status: Literal["ok"]
    history: HistoryHealth | UnsetType = UNSET
    processor: ProcessorHealth | UnsetType = UNSET


class HealthProblem(Struct, frozen=True):
    """The answer of ``/health`` when something does not: a problem, and what is known."""

    type: str
    title: str
    status: int
    detail: str
    processor: ProcessorHealth
