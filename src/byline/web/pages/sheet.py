"""An undo plan as a sheet: its steps in the imperative, each refusal in its place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from byline.model.query import ChangeItem
from byline.model.undo import Refusal, UndoPlan, UndoStep
from byline.web.sentence import Piece, Sentence, attributes, brief, counted

SHOWN: Final = 4
"""Rows of values that a step shows."""


class Refused(Struct, frozen=True, kw_only=True):
    """Something that stays as it is, and why."""

    attribute: str | None
    why: str
    who: Sentence
    at: str | None
    """When it was changed since, RFC 3339."""
    request_id: str | None


class Step(Struct, frozen=True, kw_only=True):
    """What to do to one entity."""

    numbers: list[int]
    """Of the request's events that this undoes."""
    table_id: str
    entity_id: str
    sentence: Sentence
    rows: list[ChangeItem]
    refused: list[Refused]
    whole: bool
    """Nothing of it can be undone."""


class Sheet(Struct, frozen=True, kw_only=True):
    """The plan, the last change first."""

    steps: list[Step]
    deck: str
    notes: list[str]


def sheet(plan: UndoPlan, numbers: Mapping[str, int]) -> Sheet:
    """The plan, told. ``numbers`` are those of the request's events, by id."""
    steps = [_step(step, numbers) for step in plan.steps]
    can = sum(not step.whole for step in steps)
    return Sheet(steps=steps, deck=_deck(can, len(steps)), notes=plan.notes)


def _deck(can: int, steps: int) -> str:
    tail = "Byline writes the plan and changes nothing itself."
    if steps == 0:
        return tail
    if can == steps:
        return f"{'It' if steps == 1 else f'All {steps} steps'} can be undone. {tail}"
    if can == 0:
        return f"{'It' if steps == 1 else f'None of {steps} steps'} can{'not' if steps == 1 else ''} be undone. {tail}"
    return f"{can} of {steps} steps can be undone. {tail}"


def _step(step: UndoStep, numbers: Mapping[str, int]) -> Step:
    whole = bool(step.refused) and not step.json_patch
    return Step(
        numbers=[numbers[id] for id in step.event_ids if id in numbers],
        table_id=step.table_id,
        entity_id=step.entity_id,
        sentence=_leave(step) if whole else _sentence(step),
        rows=step.restore if step.action == "update" and not whole and len(step.restore) > 1 else [],
        refused=[_refused(refusal) for refusal in step.refused],
        whole=whole,
    )


def _sentence(step: UndoStep) -> Sentence:
    entity = Piece(f"{step.table_id} {step.entity_id}", "entity")
    match step.action:
        case "delete":
            return [Piece("Delete "), entity, Piece(".")]
        case "create":
            with_them = counted(len(step.restore), "attribute", "attributes")
            return [Piece("Create "), entity, Piece(f" again, with its {with_them}.")]
        case _ if len(step.restore) == 1:
            [change] = step.restore
            back = brief(change.current_value, change.current_type)
            told = [
                Piece("Set "),
                Piece(change.attribute, "attribute"),
                Piece(" of "),
                entity,
                Piece(" back to "),
                back,
            ]
            return [*told, Piece(".")]
        case _:
            return [Piece(f"Set {len(step.restore)} attributes of "), entity, Piece(" back.")]


def _leave(step: UndoStep) -> Sentence:
    entity = Piece(f"{step.table_id} {step.entity_id}", "entity")
    named = [refusal.attribute for refusal in step.refused if refusal.attribute]
    if not named or len(named) < len(step.refused):
        return [Piece("Leave "), entity, Piece(" as it is.")]
    return [
        Piece("Leave "),
        *attributes(named),
        Piece(" of "),
        entity,
        Piece(" as it is." if len(named) == 1 else " as they are."),
    ]


def _refused(refusal: Refusal) -> Refused:
    since = refusal.reason == "changed_since"
    return Refused(
        attribute=refusal.attribute,
        why="It has changed since: " if since else refusal.detail,
        who=_who(refusal) if since else [],
        at=refusal.occurred_at if since else None,
        request_id=refusal.request_id if since else None,
    )


def _who(refusal: Refusal) -> Sentence:
    name = refusal.user_name or refusal.user_email or (f"user {refusal.user_id[:8]}" if refusal.user_id else None)
    if name:
        return [Piece(name, "who")]
    return [Piece(refusal.microservice_name or "a service", "who"), Piece(", with no one signed in")]
