"""``byline show``: one event, whole."""

from __future__ import annotations

from typing import Annotated

import typer

from byline.cli.cells import value_cell
from byline.cli.options import DataOption, JsonOption
from byline.cli.output import note, on_terminal, write, write_json, write_line, write_table
from byline.cli.stores import stores
from byline.cli.text import visible, visible_lines
from byline.model.query import EventRow
from byline.processor.raw import raw_event


def show(
    event_id: Annotated[str, typer.Argument(help="The event's id.")],
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Its bytes as they rest in the bucket (a terminal gets odd characters as escapes)."),
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """One event, whole."""
    with stores(data) as opened:
        event = opened.reader.event(event_id)
        if event is None:
            note(f"No event has the id {event_id}.")
            raise typer.Exit(1)
        if raw:
            write_raw(raw_event(opened.bucket, event))
        elif as_json:
            write_json(event)
        else:
            _describe(event)


def write_raw(data: bytes) -> None:
    """Exactly these bytes; but a terminal must not obey them."""
    if on_terminal():
        write_line(visible_lines(data.decode("utf-8", "backslashreplace")))
    else:
        write(data)


def _describe(event: EventRow) -> None:
    facts = [
        ("event", event.event_id),
        ("sent as", event.sent_id),
        ("when", event.occurred_at),
        ("service", event.microservice_name),
        ("entity", f"{event.table_id} {event.entity_id}"),
        ("action", event.action),
        ("request", event.request_id),
        ("trace", event.trace_id),
        ("job", event.job),
        ("account", event.account_id),
        ("user", " ".join(filter(None, (event.user_name, event.user_email, event.user_id)))),
        ("vouched for by", event.verified_by),
        ("address", event.ip_address),
        ("device", " ".join(filter(None, (event.browser_name, event.device_type, event.os)))),
        ("source", event.source),
        ("flags", ", ".join(event.flags)),
        ("object", f"{event.object.key} line {event.object.line}"),
        ("sha256", event.sha256),
    ]
    for name, fact in facts:
        if fact:
            write_line(f"{name}\t{visible(fact)}".expandtabs(16))
    rows = (
        (
            change.attribute,
            value_cell(change.previous_value, change.previous_type),
            value_cell(change.current_value, change.current_type),
        )
        for change in event.changes
    )
    write_line("")
    write_table(("attribute", "previous", "current"), rows, empty="It changed nothing.")
