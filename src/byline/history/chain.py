"""Whether events go on from each other: each has digests of its entity's state before and after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select

from byline.history import tables
from byline.history.layout import Layout
from byline.history.packing import ACTIONS, time_of, unpack_flags, uuid_text
from byline.history.rows import text_of
from byline.history.suspects import suspects_among
from byline.history.tables import EventKey
from byline.history.walk import Walk
from byline.model.query import Link, ObjectRef, Page, Position, Query

_E = tables.events
_N = tables.entities
_TABLE = tables.names.alias("table_name")
_ACCOUNT = tables.names.alias("account_name")
_CREATE, _DELETE = ACTIONS.index("create"), ACTIONS.index("delete")
_AT_MOST = 500
"""Suspects of one page: most questions have none."""

_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)


def _links() -> Select[Any]:
    joined = (
        _E.join(_N, _N.c.entity_no == _E.c.entity_no)
        .join(_TABLE, _TABLE.c.name_no == _N.c.table_no)
        .join(tables.objects, tables.objects.c.object_no == _E.c.object_no)
        .outerjoin(_ACCOUNT, _ACCOUNT.c.name_no == _E.c.account_no)
    )
    return select(
        _E.c.event_key,
        tables.event_id.label("event_id"),
        _E.c.occurred_at,
        _E.c.action,
        _E.c.flags,
        _E.c.state_before,
        _E.c.state_after,
        text_of(_TABLE, "table_id"),
        func.coalesce(_N.c.long_id, _N.c.entity_key).label("entity_id"),
        text_of(_ACCOUNT, "account_id"),
        tables.objects.c.object_key,
        _E.c.line,
        _E.c.sha256,
    ).select_from(joined)


_LINKS = _links().where(_E.c.event_key.in_(_KEYS))


def read_links(connection: Connection, layout: Layout, query: Query) -> Page[Link]:
    """See :meth:`byline.history.port.Reader.links`."""
    walk = Walk(connection, replace(query, within=None), layout)
    return _page(walk, connection, query.limit, within=query.within)


def read_suspects(connection: Connection, layout: Layout, query: Query) -> Page[Link]:
    """See :meth:`byline.history.port.Reader.suspects`."""
    return _page(Walk(connection, query, layout), connection, min(query.limit, _AT_MOST), only=suspects_among)


def suspected(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """See :meth:`byline.history.port.Reader.suspected`."""
    ids = [UUID(event_id).bytes for event_id in event_ids]
    if not ids:
        return set()
    found = connection.execute(select(_E.c.event_key, tables.event_id).where(tables.event_id.in_(ids)))
    names = {key: uuid_text(raw) for key, raw in found}
    return {names[key] for key in suspects_among(connection, list(names))}


def _page(
    walk: Walk,
    connection: Connection,
    limit: int,
    *,
    within: str | None = None,
    only: Callable[[Connection, Sequence[EventKey]], list[EventKey]] | None = None,
) -> Page[Link]:
    rows: list[Link] = []
    last: Position | None = None
    for places in walk:
        keys = [key for _, key in places]
        found = _read(connection, keys if only is None else only(connection, keys))
        for place in places:
            link = found.get(place[1])
            if link is None:
                continue
            if len(rows) == limit:
                return Page(rows, last)
            rows.append(link if within is None or link.account_id == within else _hide(link))
            last = walk.position(place, None)
    return Page(rows, walk.stopped_at)


def _read(connection: Connection, keys: Sequence[EventKey]) -> dict[EventKey, Link]:
    if not keys:
        return {}
    return {row[0]: _link(row) for row in connection.execute(_LINKS, {"keys": keys})}


def _link(row: Row[Any]) -> Link:
    _, event_id, occurred_at, action, flags, before, after, table, entity, account, key, line, sha256 = tuple(row)
    return Link(
        event_id=uuid_text(event_id),
        occurred_at=time_of(occurred_at),
        action=ACTIONS[action],
        one_sided="one_sided" in unpack_flags(flags),
        before=None if action == _CREATE else before,
        after=None if action == _DELETE else after,
        table_id=table,
        entity_id=entity,
        account_id=account,
        object=ObjectRef(key, line),
        sha256=sha256.hex(),
    )


def _hide(link: Link) -> Link:
    return replace(link, event_id="", account_id=None, object=ObjectRef("", 0), sha256="", hidden=True)
