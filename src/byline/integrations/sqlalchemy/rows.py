"""A row as this package carries it: the values of a class's recorded columns, in the class's order; names are added at
the end. Tuples, because every microsecond here is one of the service's."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import JSON
from sqlalchemy.orm.base import NO_VALUE

Row = tuple[Any, ...]
Key = tuple[Any, ...]
"""The values of a primary key."""


class Partial(tuple[Any, ...]):
    """A row in which something stays unknown: it could not be read. So the others need not be looked through."""

    __slots__ = ()


UNKNOWN: Final = NO_VALUE
"""SQLAlchemy's own sign for a value that was never loaded."""

_FROZEN: Final = frozenset(
    {
        *(type(None), bool, int, float, str, bytes, decimal.Decimal, uuid.UUID),
        *(dt.datetime, dt.date, dt.time, dt.timedelta),
    }
)


def kept(value: Any) -> Any:
    """The value as it is now, whatever the service does with it later."""
    if type(value) in _FROZEN or isinstance(value, enum.Enum):
        return value
    if value is JSON.NULL:
        return None
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # what cannot be copied is taken as it is
        return value


def marked(values: Iterable[Any]) -> Row:
    """A row that may not be whole."""
    row = tuple(values)
    return Partial(row) if any(value is UNKNOWN for value in row) else row


def merged(row: Row, places: Iterable[int], values: Row | Mapping[int, Any]) -> Row:
    """The row with other values at these places."""
    changed = list(row)
    for place in places:
        changed[place] = values[place]
    return marked(changed)
