"""``byline undo``: what would have to be written so that a request, or an event, had not been."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from byline.cli.cells import value_cell, who
from byline.cli.options import DataOption, JsonOption
from byline.cli.output import Cell, note, write_json, write_line, write_table
from byline.cli.stores import Stores, stores
from byline.cli.text import visible
from byline.model.query import Query
from byline.model.undo import Refusal, UndoPlan, UndoStep
from byline.processor.undo import undo_event, undo_request


def undo(
    id: Annotated[str, typer.Argument(metavar="REQUEST_ID | EVENT_ID", help="What is to be undone.")],
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The plan that would restore the values before. It refuses where something changed since, and changes nothing
    itself. Status 1 where not everything can be restored, or nothing is known of that id."""
    with stores(data) as opened:
        plan = _plan(opened, id)
    if as_json:
        write_json(plan)
    else:
        _describe(plan, id)
    if not plan.complete:
        raise typer.Exit(1)


def _plan(opened: Stores, id: str) -> UndoPlan:
    """Of the event of this id, else of the request."""
    if opened.reader.event(id) is not None:
        return undo_event(opened.reader, opened.bucket, id)
    plan = undo_request(opened.reader, opened.bucket, id)
    if not plan.steps and not opened.reader.events(Query(request_id=id, limit=1)).rows:
        note(f"No request and no event has the id {id}.")
        raise typer.Exit(1)
    return plan


def _describe(plan: UndoPlan, id: str) -> None:
    if not plan.steps:
        note(f"Nothing is left to undo of {id}.")
    for number, step in enumerate(plan.steps, start=1):
        if number > 1:
            write_line("")
        write_line(f"{number}. {step.action} {visible(step.table_id)} {visible(step.entity_id)}")
        if step.restore:
            write_table(("attribute", "is now", "restore to"), _restored(step), empty="")
        for refusal in step.refused:
            write_line(visible(_sentence(refusal)))
    for sentence in plan.notes:
        note(sentence)


def _restored(step: UndoStep) -> Iterator[list[Cell]]:
    for change in step.restore:
        yield [
            change.attribute,
            value_cell(change.previous_value, change.previous_type),
            value_cell(change.current_value, change.current_type),
        ]


def _sentence(refusal: Refusal) -> str:
    what = "Refused" if refusal.attribute is None else f"Refused: {refusal.attribute}"
    if refusal.event_id is None:
        return f"{what}. {refusal.detail}"
    by = who(refusal) or "somebody unknown"
    request = f" in request {refusal.request_id}" if refusal.request_id else ""
    return f"{what}. {refusal.detail} By {by} at {refusal.occurred_at}{request}, event {refusal.event_id}."
