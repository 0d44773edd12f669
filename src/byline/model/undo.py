"""An undo plan: what would have to be written so that a request, or an event, had not been."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from byline.model.event import Action, Data, Json
from byline.model.query import ChangeItem

Why = Literal["changed_since", "changed_unrecorded", "masked", "encrypted", "incomplete", "too_much"]
"""Why a value is not restored:

- ``changed_since``: an event set it later; the refusal names that event
- ``changed_unrecorded``: it is not what was left there, and no event tells who changed it
- ``masked``, ``encrypted``: what it was before has not been recorded in clear
- ``incomplete``: an event came without the state before or after it
- ``too_much``: more has happened since than a plan looks at
"""


class Refusal(Struct, frozen=True, kw_only=True):
    """Something that the plan does not restore, and why. The fields of an event are ``None`` where no event is to
    blame."""

    attribute: str | None
    """``None``: the whole entity."""
    reason: Why
    detail: str
    """A sentence."""
    event_id: str | None = None
    occurred_at: str | None = None
    microservice_name: str | None = None
    request_id: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    user_name: str | None = None


class PatchOperation(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One operation of a JSON Patch (RFC 6902)."""

    op: Literal["add", "remove", "replace", "move", "test"]
    path: str
    """A JSON Pointer (RFC 6901); ``""`` is the whole entity."""
    from_: str | UnsetType = field(default=UNSET, name="from")
    value: Json | UnsetType = UNSET


class UndoStep(Struct, frozen=True, kw_only=True):
    """What to do to one entity."""

    table_id: str
    entity_id: str
    action: Action
    """``delete`` what was created, ``create`` what was deleted, ``update`` the rest."""
    restore: list[ChangeItem]
    """``previous_value`` is what it is now, ``current_value`` what it is to be; in order of attributes."""
    data: Data | None
    """The entity as it is to be; ``None`` where it is to be deleted."""
    json_patch: list[PatchOperation]
    """From the entity as it is recorded now to ``data``; empty where nothing can be restored. An entity that is not
    there is ``null``. It tests what it replaces, so that it fails where the entity has changed unseen."""
    refused: list[Refusal]
    event_ids: list[str]
    """The events that this undoes, newest first."""


class UndoPlan(Struct, frozen=True, kw_only=True):
    """Steps in the order in which to take them: the last change first. Nothing has been done."""

    request_id: str | None
    """What was asked for: a request, or one event."""
    event_id: str | None
    steps: list[UndoStep]
    complete: bool
    """Everything can be restored: nothing was refused, and nothing left out."""
    notes: list[str]
    """What a reader should know before relying on it, in sentences."""
