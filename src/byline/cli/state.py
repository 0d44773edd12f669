"""``byline state`` and ``byline blame``: an entity at a time, and who made it so."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from byline.cli.cells import value_cell, who
from byline.cli.options import AtOption, DataOption, JsonOption, LimitOption
from byline.cli.output import json_text, note, write_json, write_json_lines, write_line, write_table
from byline.cli.stores import stores
from byline.cli.text import visible_lines
from byline.model.event import Data
from byline.processor.answers import EntityState, entity_state
from byline.processor.blame import Blame
from byline.processor.blame import blame as blame_of

Table = Annotated[str, typer.Argument(help="The entity's table_id.")]
Entity = Annotated[str, typer.Argument(help="The entity's entity_id.")]


def state(
    table: Table, entity: Entity, at: AtOption = None, as_json: JsonOption = False, data: DataOption = None
) -> None:
    """The entity as it was then."""
    with stores(data) as opened:
        found = entity_state(opened.reader, opened.bucket, table, entity, at=at)
    if as_json:
        write_json(_shape(found))
        return
    for sentence in _notes(found):
        note(sentence)
    if found.state is not None:
        write_line(visible_lines(_indented(found.state)))


def blame(
    table: Table,
    entity: Entity,
    at: AtOption = None,
    as_json: JsonOption = False,
    limit: LimitOption = 0,
    data: DataOption = None,
) -> None:
    """Who last set each attribute, when, in which request."""
    with stores(data) as opened:
        found = entity_state(opened.reader, opened.bucket, table, entity, at=at)
        rows = blame_of(opened.reader, opened.bucket, found)
    shown = rows[:limit] if limit else rows
    if as_json:
        write_json_lines(shown)
        return
    for sentence in _notes(found):
        note(sentence)
    headers = ("attribute", "value", "when", "who", "request", "event")
    write_table(headers, map(_cells, shown), empty="No attributes.")


def _shape(found: EntityState) -> dict[str, object]:
    return {
        "table_id": found.table_id,
        "entity_id": found.entity_id,
        "as_of": found.as_of,
        "state": found.state,
        "event_id": found.event.event_id if found.event else None,
        "notes": found.notes,
    }


def _notes(found: EntityState) -> list[str]:
    if found.event is not None and found.event.action == "delete":
        return [*found.notes, f"It was deleted at {found.event.occurred_at}."]
    if found.state is None and not found.notes:
        return [f"Nothing is known of {found.table_id} {found.entity_id}{' by then' if found.at else ''}."]
    return found.notes


def _indented(state: Data) -> str:
    return msgspec.json.format(json_text(state), indent=2)


def _cells(row: Blame) -> list[str | None]:
    return [
        row.attribute,
        value_cell(row.value, row.type),
        row.occurred_at or "not recorded",
        who(row),
        row.request_id,
        row.event_id,
    ]
