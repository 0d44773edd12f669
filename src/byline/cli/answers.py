"""``byline history``, ``request``, ``user`` and ``search``: questions to the history, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from msgspec import structs

from byline.cli.cells import value_cell, who
from byline.cli.options import DataOption, JsonOption, LimitOption, parse_time
from byline.cli.output import Cell, note, write_json_lines, write_table
from byline.cli.stores import stores
from byline.model.event import Action
from byline.model.query import ChangeRow, EventRow, Order, Page, Position, Query

_PAGE = 1_000

Row = TypeVar("Row", ChangeRow, EventRow)

_CHANGE_HEADERS = ("when", "entity", "action", "attribute", "previous", "current", "who", "request", "event")
_EVENT_HEADERS = ("when", "service", "entity", "action", "changes", "who", "request", "event")


def history(
    table: Annotated[str, typer.Argument(help="The entity's table_id.")],
    entity: Annotated[str, typer.Argument(help="The entity's entity_id.")],
    as_json: JsonOption = False,
    limit: LimitOption = 50,
    data: DataOption = None,
) -> None:
    """An entity's changes, newest first."""
    _show_changes(data, Query(table_id=table, entity_id=entity), as_json=as_json, limit=limit)


def request(
    request_id: Annotated[str, typer.Argument(help="The request's id.")],
    as_json: JsonOption = False,
    limit: LimitOption = 50,
    data: DataOption = None,
) -> None:
    """Everything one request changed, across services, in order."""
    _show_changes(data, Query(request_id=request_id, order="oldest"), as_json=as_json, limit=limit)


def user(
    user_id: Annotated[str, typer.Argument(help="The actor's user_id.")],
    as_json: JsonOption = False,
    limit: LimitOption = 50,
    data: DataOption = None,
) -> None:
    """Everything a user changed, newest first."""
    _show_changes(data, Query(user_id=user_id), as_json=as_json, limit=limit)


def search(  # noqa: PLR0913, PLR0917  # every filter is an option
    table_id: Annotated[str | None, typer.Option(help="The entity's table.")] = None,
    entity_id: Annotated[str | None, typer.Option(help="The entity.")] = None,
    microservice_name: Annotated[str | None, typer.Option(help="The service that recorded it.")] = None,
    action: Annotated[Action | None, typer.Option(help="What was done.")] = None,
    request_id: Annotated[str | None, typer.Option(help="The request.")] = None,
    account_id: Annotated[str | None, typer.Option(help="The account that owns the entity.")] = None,
    user_id: Annotated[str | None, typer.Option(help="The actor.")] = None,
    user_email: Annotated[str | None, typer.Option(help="The actor's e-mail address.")] = None,
    ip_address: Annotated[str | None, typer.Option(help="Where the request came from.")] = None,
    attribute: Annotated[str | None, typer.Option(help="The attribute, as history writes it.")] = None,
    previous_value: Annotated[str | None, typer.Option(help="Its value before.")] = None,
    current_value: Annotated[str | None, typer.Option(help="Its value after.")] = None,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", parser=parse_time, metavar="TIME", help="Not before: RFC 3339 or a date."),
    ] = None,
    to: Annotated[
        datetime | None, typer.Option("--to", parser=parse_time, metavar="TIME", help="Before: RFC 3339 or a date.")
    ] = None,
    order: Annotated[Order, typer.Option(help="Which comes first.")] = "newest",
    events: Annotated[bool, typer.Option("--events", help="Whole events instead of single changes.")] = False,
    as_json: JsonOption = False,
    limit: LimitOption = 50,
    data: DataOption = None,
) -> None:
    """Changes, or whole events, by any filters together."""
    query = Query(
        table_id=table_id,
        entity_id=entity_id,
        microservice_name=microservice_name,
        action=action,
        request_id=request_id,
        account_id=account_id,
        user_id=user_id,
        user_email=user_email,
        ip_address=ip_address,
        attribute=attribute,
        previous_value=previous_value,
        current_value=current_value,
        from_=from_,
        to=to,
        order=order,
    )
    show = _show_events if events else _show_changes
    show(data, query, as_json=as_json, limit=limit)


def _show_changes(data: Path | None, query: Query, *, as_json: bool, limit: int) -> None:
    with stores(data) as opened:
        rows = _rows(opened.reader.changes, query, limit)
        if as_json:
            write_json_lines(rows)
        else:
            write_table(_CHANGE_HEADERS, map(_change_cells, rows), empty="No changes.")


def _show_events(data: Path | None, query: Query, *, as_json: bool, limit: int) -> None:
    with stores(data) as opened:
        rows = _rows(opened.reader.events, query, limit)
        if as_json:
            write_json_lines(rows)
        else:
            write_table(_EVENT_HEADERS, map(_event_cells, rows), empty="No events.")


def _rows(read: Callable[[Query], Page[Row]], query: Query, limit: int) -> Iterator[Row]:
    """Up to ``limit`` rows, a page at a time; 0: all."""
    left = limit
    after: Position | None = None
    while True:
        page = read(structs.replace(query, after=after, limit=min(_PAGE, left) if limit else _PAGE))
        yield from page.rows
        left -= len(page.rows)
        after = page.next
        if after is None:
            return
        if limit and left <= 0:
            note(f"The first {limit} are shown; --limit 0 shows all.")
            return


def _change_cells(row: ChangeRow) -> list[Cell]:
    return [
        f"{row.date} {row.time}",
        f"{row.table_id} {row.entity_id}",
        row.action,
        row.attribute,
        value_cell(row.previous_value, row.previous_type),
        value_cell(row.current_value, row.current_type),
        who(row),
        row.request_id,
        row.event_id,
    ]


def _event_cells(row: EventRow) -> list[Cell]:
    return [
        f"{row.date} {row.time}",
        row.microservice_name,
        f"{row.table_id} {row.entity_id}",
        row.action,
        ", ".join(change.attribute for change in row.changes),
        who(row),
        row.request_id,
        row.event_id,
    ]
