"""Which events do not go on from the one before them of the same entity, by their digests.

The event before is looked up for each, with its place as a constant: in MySQL a correlated subquery would read the
entity's events from their end. All look-ups of a page are one statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import BindParameter, Connection, bindparam, select

from byline.history import tables
from byline.history.packing import ACTIONS
from byline.history.tables import EventKey

_E = tables.events
_CREATE = ACTIONS.index("create")
_AT_A_TIME = 100
"""SQLite takes no more than 500 parts of a compound statement."""
_LOOK_BACK = 500
"""Events of other accounts that are passed over in search of an account's own."""

_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)

# A create comes from nothing: there is nothing to compare. Nor is there where the state before is not known.
_COMPARED = select(
    _E.c.event_key, _E.c.entity_no, _E.c.occurred_at, _E.c.account_no, _E.c.state_before.label("state")
).where(_E.c.event_key.in_(_KEYS), _E.c.state_before.is_not(None), _E.c.action != _CREATE)


class _Event(Struct, frozen=True):
    key: EventKey
    entity_no: int
    occurred_at: int
    account_no: int | None
    state_before: bytes


class _Previous(Struct, frozen=True):
    account_no: int | None
    state_after: bytes | None


def suspects_among(connection: Connection, keys: Sequence[EventKey]) -> list[EventKey]:
    """Those of the events whose state before is not the state behind the event before them: neither of the same
    account, nor of any."""
    if not keys:
        return []
    events = [_Event(*row) for row in connection.execute(_COMPARED, {"keys": keys})]
    previous = _look_up(connection, events, own=False)
    unmet = [event for event in events if _differs(event, previous.get(event.key))]
    others = [event for event in unmet if previous[event.key].account_no != event.account_no]
    own = _look_up(connection, others, own=True)
    met = {event.key for event in others if event.key in own and not _differs(event, own[event.key])}
    return [event.key for event in unmet if event.key not in met]


def _differs(event: _Event, previous: _Previous | None) -> bool:
    """As far as is known."""
    return previous is not None and previous.state_after not in (None, event.state_before)


def _look_up(connection: Connection, events: Sequence[_Event], *, own: bool) -> Mapping[EventKey, _Previous]:
    found: dict[EventKey, _Previous] = {}
    for start in range(0, len(events), _AT_A_TIME):
        some = events[start : start + _AT_A_TIME]
        rows = connection.exec_driver_sql(_statement(some, own=own), execution_options={"no_parameters": True})
        found.update((some[place].key, _Previous(account, state)) for place, account, state in rows)
    return found


def _statement(events: Iterable[_Event], *, own: bool) -> str:
    """Made of numbers and hexadecimal digits only."""
    before = _own_before if own else _before
    return " UNION ALL ".join(
        f"SELECT * FROM ({before(place, event)}) AS p{place}"  # noqa: S608 - as said above
        for place, event in enumerate(events)
    )


def _before(place: int, event: _Event, *, columns: str = "account_no, state_after", limit: int = 1) -> str:
    at, key = event.occurred_at, _literal(event.key)
    return f"""
        SELECT {place} AS place, {columns} FROM events
        WHERE entity_no = {event.entity_no} AND occurred_at <= {at} AND (occurred_at < {at} OR event_key < {key})
        ORDER BY occurred_at DESC, event_key DESC LIMIT {limit}
    """  # noqa: S608 - as said above


def _own_before(place: int, event: _Event) -> str:
    inner = _before(place, event, columns="account_no, state_after, occurred_at, event_key", limit=_LOOK_BACK)
    account = "IS NULL" if event.account_no is None else f"= {event.account_no}"
    return f"""
        SELECT place, account_no, state_after FROM ({inner}) AS some WHERE account_no {account}
        ORDER BY occurred_at DESC, event_key DESC LIMIT 1
    """  # noqa: S608 - as said above


def _literal(key: EventKey) -> str:
    return f"x'{key.hex()}'" if isinstance(key, bytes) else str(key)
