"""Statements that change rows without the unit of work: they are let through, and counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from sqlalchemy import TextClause
from sqlalchemy.orm import Session

_EXECUTE: Final = ("execute", "scalar", "scalars")
_BULK: Final = ("bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings")
_WRITES: Final = re.compile(r"\s*(insert|update|delete|replace|merge|truncate)\b", re.IGNORECASE)

# SQLAlchemy's own event for this, do_orm_execute, would cost every query of the session 8 µs to notice a few of them.


def watch(cls: type[Session], noticed: Callable[[Any], None]) -> Callable[[], None]:
    """Call ``noticed`` with each writing statement that this class executes, or with ``None`` for a bulk method, which
    fires no event at all. Returns what ends it."""
    held = {name: vars(cls).get(name) for name in (*_EXECUTE, *_BULK)}
    for name in _EXECUTE:
        setattr(cls, name, _watched(getattr(cls, name), noticed))
    for name in _BULK:
        setattr(cls, name, _announced(getattr(cls, name), noticed))

    def unwatch() -> None:
        for name, own in held.items():
            if own is None:
                delattr(cls, name)
            else:
                setattr(cls, name, own)

    return unwatch


def _watched(method: Callable[..., Any], noticed: Callable[[Any], None]) -> Callable[..., Any]:
    @wraps(method)
    def execute(self: Session, statement: Any, *args: Any, **kwargs: Any) -> Any:
        # Nearly every statement is a SELECT, and is let by at once.
        if not getattr(statement, "is_select", False) and _writes(statement):
            noticed(statement)
        return method(self, statement, *args, **kwargs)

    return execute


def _writes(statement: Any) -> bool:
    return getattr(statement, "is_dml", False) or (
        isinstance(statement, TextClause) and _WRITES.match(statement.text) is not None
    )


def _announced(method: Callable[..., Any], noticed: Callable[[Any], None]) -> Callable[..., Any]:
    @wraps(method)
    def write_in_bulk(*args: Any, **kwargs: Any) -> Any:
        noticed(None)
        return method(*args, **kwargs)

    return write_in_bulk
