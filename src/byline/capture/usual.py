"""The short way for the event that nearly every event is: plain names and values, nothing masked, nothing to repair.

:mod:`.encoding` looks at everything with care, through some fifty small functions. In a loop that takes 12 µs; in a
service, where the database's client has just pushed all of that code and data out of the processor's caches, it takes
50. What is here only finds out whether an event is of the usual kind, with as little code as that takes; where it is
not, it says so, and the careful way is taken from the start. Both give the same bytes (a test holds that).
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import compress
from operator import is_not
from typing import Any, Final
from uuid import UUID

from byline.capture.encoding import encode_event
from byline.capture.envelope import ACTIONS
from byline.capture.leaves import CONVERT, DATETIME
from byline.capture.redaction import Masking
from byline.capture.request_context import RequestContext
from byline.capture.values import USUAL
from byline.model.codec import MAX_EVENT_BYTES
from byline.model.event import AuditEvent, RequestInfo, Stream, User

_NO_IDS: Final = frozenset(("", "[]", "{}"))
_LARGEST_ID: Final = 1 << 63
_NONE: Final[frozenset[str]] = frozenset()
_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 128


class UsualEvents:
    """Of one recorder. Rows are alike: the names that need no masking are remembered."""

    __slots__ = ("_clear", "_masking", "_remembered", "_service")

    def __init__(self, service: str, masking: Masking) -> None:
        self._service = service
        self._masking = masking
        self._clear: dict[str, set[str]] = {}
        """By table."""
        self._remembered = 0

    def line(  # noqa: PLR0913, PLR0917 - whatever an event is made of; by position, since names cost time
        self,
        event_id: UUID,
        stream: Stream,
        action: Any,
        table_id: Any,
        entity_id: Any,
        account_id: Any,
        when: Any,
        context: RequestContext | None,
        old: Any,
        new: Any,
    ) -> bytes | None:
        """The wire line of an event, or ``None`` where it is not of the usual kind. Raises nothing."""
        if type(entity_id) is int and -_LARGEST_ID < entity_id < _LARGEST_ID:
            entity_id = str(entity_id)
        if (
            not (type(entity_id) is type(table_id) is type(action) is str)
            or entity_id in _NO_IDS
            or not table_id
            or action not in ACTIONS
            or (account_id is not None and type(account_id) is not str)
            or type(when) not in DATETIME
            or when.tzinfo is not UTC
            or (context is not None and context.miscellaneous)
            or not self._are_usual(table_id, old, new)
        ):
            return None
        try:
            line = encode_event(
                AuditEvent(
                    event_id=event_id,
                    account_id=account_id,
                    table_id=table_id,
                    entity_id=entity_id,
                    micro_service_name=self._service,
                    action=ACTIONS[action],
                    old_data=old,
                    new_data=new,
                    request_info=_request_info(when, event_id, context),
                    stream=stream,
                )
            )
        except (ValueError, TypeError, OverflowError, RecursionError):  # a lone surrogate, an endless integer
            return None
        return line if len(line) <= MAX_EVENT_BYTES else None

    def _are_usual(self, table_id: str, old: Any, new: Any) -> bool:
        """Whether the encoder writes both states as they are, and as they should be."""
        seen: tuple[Any, ...] = ()
        for state in (old, new):
            if state is None:
                continue
            if type(state) is not dict or not self._are_clear(table_id, tuple(state)):
                return False
            values = tuple(state.values())  # another thread may be adding to it
            # Most of an entity stays as it was: what stands in the old state, too, has been looked at.
            fresh = compress(values, map(is_not, values, seen)) if len(values) == len(seen) else values
            for value in fresh:
                kind = type(value)
                if kind in USUAL or (kind in DATETIME and value.tzinfo is None):
                    continue
                if kind is float:  # as all of these, without a call for each
                    if value - value != 0.0:
                        return False
                elif kind not in CONVERT or CONVERT[kind](value) is not value:
                    return False
            seen = values
        return True

    def _are_clear(self, table_id: str, names: tuple[Any, ...]) -> bool:
        """Whether all names are text, and the masking lets each of them be."""
        if self._clear.get(table_id, _NONE).issuperset(names):
            return True
        if len(names) > _LONGEST_REMEMBERED or any(type(name) is not str for name in names):
            return False
        if not self._masking.lets_be(table_id, names):
            return False
        if self._remembered < _REMEMBERED:
            self._clear.setdefault(table_id, set()).update(names)
            self._remembered += len(names)
        return True


def _request_info(when: datetime, event_id: UUID, context: RequestContext | None) -> RequestInfo:
    if context is None:
        # An event outside of every request is a request of its own.
        return RequestInfo(time_stamp=when, request_id=str(event_id))
    actor = context.actor
    user, by = (actor, context.verified_by) if type(actor) is User else context.who()
    return RequestInfo(
        time_stamp=when,
        ip_address=context.ip_address,
        request_id=context.request_id,
        trace_id=context.trace_id,
        job=context.job,
        verified_by=by,
        user=user,
        miscellaneous=None if context.user_agent is None else {"user_agent": context.user_agent},
    )
