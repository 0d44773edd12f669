"""``byline history``, ``request``, ``user`` and ``search``: questions to the history, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from msgspec import structs

from byline.cli import filters
from byline.cli.cells import value_cell, who
from byline.cli.gaps import show_gaps
from byline.cli.options import DataOption, JsonOption, LimitOption
from byline.cli.output import Cell, note, write_json_lines, write_table
from byline.cli.stores import stores
from byline.errors import UsageError
from byline.model.query import ChangeRow, EventRow, Page, Position, Query

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
    table_id: filters.TableId = None,
    entity_id: filters.EntityId = None,
    microservice_name: filters.Service = None,
    action: filters.ActionIs = None,
    request_id: filters.RequestId = None,
    account_id: filters.AccountId = None,
    user_id: filters.UserId = None,
    user_email: filters.UserEmail = None,
    ip_address: filters.IpAddress = None,
    attribute: filters.Attribute = None,
    previous_value: filters.PreviousValue = None,
    current_value: filters.CurrentValue = None,
    from_: filters.From = None,
    to: filters.To = None,
    order: filters.OrderIs = "newest",
    events: Annotated[bool, typer.Option("--events", help="Whole events instead of single changes.")] = False,
    unexplained: Annotated[
        bool, typer.Option("--unexplained", help="What changed outside of the recorded services.")
    ] = False,
    as_json: JsonOption = False,
    limit: LimitOption = 50,
    data: DataOption = None,
) -> None:
    """Changes, whole events, or what no event tells of, by any filters together."""
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
    if events and unexplained:
        raise UsageError("name --events or --unexplained, not both", hint="What is unexplained has no event.")
    show = show_gaps if unexplained else _show_events if events else _show_changes
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
