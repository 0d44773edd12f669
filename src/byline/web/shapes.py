"""The bodies of the HTTP API's answers, around the rows of ``byline.model.query``."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from byline.model.query import ChangeRow, EventRow
from byline.processor.answers import Blame


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
    """The answer of ``/health`` while everything works."""

    status: Literal["ok"]
    history: HistoryHealth
    processor: ProcessorHealth


class HealthProblem(Struct, frozen=True):
    """The answer of ``/health`` when something does not: a problem, and what is known."""

    type: str
    title: str
    status: int
    detail: str
    processor: ProcessorHealth
