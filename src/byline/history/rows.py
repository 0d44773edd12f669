"""From the tables' numbers back to what people read: rows of changes and events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, bindparam, func, select

from byline.history import tables
from byline.history.packing import ACTIONS, time_of, unpack_flags, unpack_request, unpack_types, uuid_text
from byline.history.tables import EventKey
from byline.model.query import ChangeItem, ChangeRow, EventRow, ObjectRef, StreamRef

_E = tables.events
_N = tables.entities
_TABLE = tables.names.alias("table_name")
_SERVICE = tables.names.alias("service_name")
_ACCOUNT = tables.names.alias("account_name")
_STREAM = tables.names.alias("stream_name")
_ATTRIBUTE = tables.names.alias("attribute_name")


def text_of(name: Any, label: str) -> ColumnElement[str]:
    """A name, however long it is; ``name`` is the table of names under one of its aliases."""
    return func.coalesce(name.c.long_name, name.c.name_key).label(label)


def _event_select(*, whole: bool) -> Select[Any]:
    """The columns of a change's row; ``whole`` adds those that only an event shows."""
    origins, actors, clients = tables.origins, tables.actors, tables.clients
    joined = (
        _E.join(_N, _N.c.entity_no == _E.c.entity_no)
        .join(_TABLE, _TABLE.c.name_no == _N.c.table_no)
        .join(origins, origins.c.origin_no == _E.c.origin_no)
        .join(_SERVICE, _SERVICE.c.name_no == origins.c.service_no)
        .outerjoin(_ACCOUNT, _ACCOUNT.c.name_no == _E.c.account_no)
        .outerjoin(actors, actors.c.actor_no == _E.c.actor_no)
        .outerjoin(clients, clients.c.client_no == _E.c.client_no)
    )
    columns: list[ColumnElement[Any]] = [
        _E.c.event_key,
        tables.event_id.label("event_id"),
        _E.c.occurred_at,
        _E.c.action,
        _E.c.request_id,
        text_of(_TABLE, "table_id"),
        func.coalesce(_N.c.long_id, _N.c.entity_key).label("entity_id"),
        text_of(_SERVICE, "microservice_name"),
        text_of(_ACCOUNT, "account_id"),
        actors.c.user_id,
        actors.c.user_email,
        actors.c.user_name,
        clients.c.ip_address,
        clients.c.browser_name,
        clients.c.device_type,
        clients.c.os,
    ]
    if not whole:
        return select(*columns).select_from(joined)
    objects = tables.objects
    joined = joined.join(objects, objects.c.object_no == _E.c.object_no).outerjoin(
        _STREAM, _STREAM.c.name_no == _E.c.stream_no
    )
    columns += [
        _E.c.flags,
        _E.c.sent_id,
        _E.c.trace_id,
        _E.c.line,
        _E.c.sha256,
        _E.c.seq,
        text_of(_STREAM, "stream_id"),
        objects.c.object_key,
        origins.c.source,
        origins.c.job,
        origins.c.verified_by,
        actors.c.account_id.label("user_account_id"),
    ]
    return select(*columns).select_from(joined)


_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_BRIEF = _event_select(whole=False).where(_E.c.event_key.in_(_KEYS))
_WHOLE = _event_select(whole=True).where(_E.c.event_key.in_(_KEYS))
_CHANGED = tables.changes.c
_attribute_text = text_of(_ATTRIBUTE, "attribute")
_CHANGES = (
    select(
        _CHANGED.event_key,
        _CHANGED.types,
        _CHANGED.previous_value,
        _CHANGED.current_value,
        text_of(_ATTRIBUTE, "attribute"),
    )
    .join_from(tables.changes, _ATTRIBUTE, _ATTRIBUTE.c.name_no == tables.changes.c.attribute_no)
    .where(tables.changes.c.event_key.in_(_KEYS))
)

HELD_AT_MOST = 5_000
"""Changes of one page of whole events: one that would hold more ends early. A single event is always whole."""

_FEW = 1_000
"""Changes that are read and sorted here without a thought."""

Changes = dict[EventKey, list[ChangeItem]]
Mark = tuple[EventKey, str]
"""A change that was shown: its event, and its attribute."""


def read_changes(
    connection: Connection,
    keys: Sequence[EventKey],
    conditions: Sequence[ColumnElement[bool]],
    *,
    first: int = 0,
    after: Mark | None = None,
) -> Changes:
    """The changes of these events that meet the conditions, by event, in the order of their attributes (code points).

    Of each event the ``first`` ones (``0``: all) behind ``after``: one event may have more changes than a page has
    rows.
    """
    wanted = _CHANGES.where(*conditions) if conditions else _CHANGES
    if after is not None:
        event_key, attribute = after
        wanted = wanted.where((_CHANGED.event_key != event_key) | (_attribute_text > attribute))
    rows = connection.execute(wanted.limit(_FEW + 1) if first else wanted, {"keys": keys}).all()
    if first and len(rows) > _FEW:
        rows = connection.execute(_first_of_each(wanted), {"keys": keys, "first": first}).all()
    return _by_event(rows)


def _by_event(rows: Iterable[Any]) -> Changes:
    found: Changes = {}
    for key, types, previous, current, name in rows:
        previous_type, current_type = unpack_types(types)
        item = ChangeItem(name, previous, current, previous_type, current_type)
        found.setdefault(key, []).append(item)
    for items in found.values():
        items.sort(key=attrgetter("attribute"))
    return found


def _first_of_each(wanted: Select[Any]) -> Select[Any]:
    """The database sorts and cuts: of an event with a hundred thousand changes only a page's worth is worth reading."""
    place = func.row_number().over(partition_by=_CHANGED.event_key, order_by=_attribute_text).label("place")
    numbered = wanted.add_columns(place).subquery()
    return select(*list(numbered.c)[:-1]).where(numbered.c.place <= bindparam("first"))


def read_brief(connection: Connection, keys: Sequence[EventKey]) -> dict[EventKey, dict[str, Any]]:
    """What a change's row says of its event, by event."""
    return {row[0]: _brief(row) for row in connection.execute(_BRIEF, {"keys": keys}).all()}


def read_whole(
    connection: Connection, keys: Sequence[EventKey], changes: Changes, now: datetime
) -> dict[EventKey, EventRow]:
    """Whole events, by key."""
    found = connection.execute(_WHOLE, {"keys": keys}).all()
    return {row[0]: _event(row, changes.get(row[0], []), now) for row in found}


def whole_events(
    connection: Connection, keys: Sequence[EventKey], now: datetime
) -> Iterator[tuple[EventKey, EventRow]]:
    """Whole events, in the order of their keys: read together where they have few changes, else one by one, so that
    whoever takes them may stop before they are too much to hold."""
    rows = connection.execute(_CHANGES.limit(_FEW + 1), {"keys": keys}).all()
    together = _by_event(rows) if len(rows) <= _FEW else None
    for portion in [keys] if together is not None else [[key] for key in keys]:
        changes = together if together is not None else read_changes(connection, portion, [])
        found = read_whole(connection, portion, changes, now)
        yield from ((key, found[key]) for key in portion)


def change_row(event: dict[str, Any], change: ChangeItem) -> ChangeRow:
    """A change with what :func:`read_brief` says of its event."""
    return ChangeRow(
        **event,
        attribute=change.attribute,
        previous_value=change.previous_value,
        current_value=change.current_value,
        previous_type=change.previous_type,
        current_type=change.current_type,
    )


def _brief(row: Row[Any]) -> dict[str, Any]:
    """Unpacked by place, in the order of :func:`_event_select`: by name each value would cost a look-up, 16 for every
    row."""
    values: tuple[Any, ...] = tuple(row)
    _, event_id, at, action, request, table, entity, service, account, user, email, name = values[:12]
    ip, browser, device, os = values[12:16]
    stamp = time_of(at).isoformat(timespec="microseconds")
    return {
        "event_id": uuid_text(event_id),
        "occurred_at": stamp[:26] + "Z",
        "date": stamp[:10],
        "time": stamp[11:19],
        "table_id": table,
        "entity_id": entity,
        "microservice_name": service,
        "action": ACTIONS[action],
        "request_id": None if request is None else unpack_request(request),
        "ip_address": ip,
        "account_id": account,
        "user_id": user,
        "user_email": email,
        "user_name": name,
        "browser_name": browser,
        "device_type": device,
        "os": os,
    }


def _event(row: Row[Any], changes: list[ChangeItem], now: datetime) -> EventRow:
    flags = unpack_flags(row.flags)
    if time_of(row.occurred_at) > now:
        flags.append("dated_in_future")
    return EventRow(
        **_brief(row),
        sent_id=row.sent_id,
        trace_id=row.trace_id,
        job=row.job,
        verified_by=row.verified_by,
        source=row.source or "application",
        user_account_id=row.user_account_id,
        stream=None if row.stream_id is None else StreamRef(row.stream_id, row.seq),
        flags=flags,
        object=ObjectRef(row.object_key, row.line),
        sha256=row.sha256.hex(),
        changes=changes,
    )
