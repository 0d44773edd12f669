"""Hears what a session class does.

SQLAlchemy calls, for each row of a flush, just before it is written, ``before_insert``, ``before_update`` or
``before_delete``; ``after_flush`` when all is written and the objects still know what they were; ``after_commit`` when
a savepoint is released or the transaction is durable; ``after_transaction_end`` when what was not committed is gone.
"""

from __future__ import annotations

import weakref
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.orm import InstanceState, Mapper, Session, SessionTransaction

from byline.integrations.sqlalchemy.flush import Writes
from byline.integrations.sqlalchemy.options import Options
from byline.integrations.sqlalchemy.pending import Identity, Kind, Net
from byline.integrations.sqlalchemy.plan import Plans
from byline.integrations.sqlalchemy.rows import UNKNOWN, Partial, Row
from byline.integrations.sqlalchemy.stats import Counters

if TYPE_CHECKING:
    from byline.capture.recorder import Recorder

_PER_SESSION: Final = ("after_flush", "after_commit", "after_transaction_end")
_PER_ROW: Final = ("before_insert", "before_update", "before_delete")


class Listener:
    """One session class's ears. Mapper events come from every session, so what is not this class's is let by at once;
    nothing else reaches beyond the class."""

    def __init__(self, cls: type[Session], recorder: Recorder, options: Options, counters: Counters) -> None:
        self._class = cls
        self._record = recorder.record
        self._counters = counters
        self._plans = Plans(options)
        self._writes: dict[int | None, Writes] = {}
        """What each session's transaction has written so far, by the session's number (``hash_key``)."""
        self._raised: dict[int, Exception] = {}

    def listen(self) -> None:
        for name in _PER_SESSION:
            event.listen(self._class, name, getattr(self, name))
        for name in _PER_ROW:
            event.listen(Mapper, name, getattr(self, name), raw=True, retval=True)

    def stop(self) -> None:
        for name in _PER_SESSION:
            event.remove(self._class, name, getattr(self, name))
        for name in _PER_ROW:
            event.remove(Mapper, name, getattr(self, name))

    def notice(self, statement: Any) -> None:
        """A statement that writes without the unit of work; ``None`` for a bulk method."""
        description = getattr(statement, "entity_description", None) or {}
        mapper = getattr(description.get("entity"), "__mapper__", None)
        if mapper is None or self._plans[mapper] is not None:
            self._counters.unseen()

    def before_insert(self, mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
        if writes := self._writes.get(state.session_id) or self._begun(state):
            writes.add("create", mapper, state, connection)

    def before_update(self, mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
        if writes := self._writes.get(state.session_id) or self._begun(state):
            writes.add("update", mapper, state, connection)

    def before_delete(self, mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
        if writes := self._writes.get(state.session_id) or self._begun(state):
            writes.add("delete", mapper, state, connection)

    def after_flush(self, session: Session, _context: Any) -> None:
        writes = self._writes.get(session.hash_key)
        if writes is not None:
            savepoint = session.get_nested_transaction()
            writes.settle(() if savepoint is None else _up_to(savepoint))

    def after_commit(self, session: Session) -> None:
        writes = self._writes.get(session.hash_key)
        if writes is None:
            return
        savepoint = session.get_nested_transaction()
        if savepoint is None:
            del self._writes[session.hash_key]
            self._record_all(session, writes.pending.nets)
        else:
            writes.pending.release(savepoint)

    def after_transaction_end(self, session: Session, transaction: SessionTransaction) -> None:
        """Also ends the transaction that a flush is for itself: what a flush that failed had begun is forgotten."""
        writes = self._writes.get(session.hash_key)
        if writes is not None:
            writes.steps.clear()
            if transaction.nested:
                writes.pending.roll_back(transaction)
            elif transaction.parent is None:
                del self._writes[session.hash_key]
        if self._raised and transaction.parent is None and (error := self._raised.pop(session.hash_key, None)):
            raise error

    def _begun(self, state: InstanceState[Any]) -> Writes | None:
        """At the first row of a transaction; ``None`` for a session of another class."""
        session = state.session
        if session is None or not isinstance(session, self._class):
            return None
        key = session.hash_key
        # A session that is let go of in the middle of a transaction does not say that it ends.
        owner = weakref.ref(session, partial(self._writes.pop, key))
        writes = self._writes[key] = Writes(self._plans, self._counters, owner)
        return writes

    def _record_all(self, session: Session, nets: dict[Identity, Net]) -> None:
        """Hand over every event; where one is refused with an error, its neighbours still go, and the error waits until
        the session has closed its transaction."""
        events = 0
        for (table_id, key), net in nets.items():
            action, kind, old, new = net.action, net.kind, net.old, net.new
            if action is None:
                continue
            try:
                self._record(
                    action,
                    table_id,
                    kind.entity_id(key),
                    old=None if old is None else _named(net.old_kind, old),
                    new=None if new is None else _named(kind, new),
                    time_stamp=None if kind.time_stamp is None else _time_stamp(kind.time_stamp, old, new),
                    account_id=None if kind.account_id is None else (new or old or ())[kind.account_id],
                )
                events += 1
            except Exception as error:  # noqa: BLE001  # capturing must not break the service's transaction
                self._refused(session, error)
        self._counters.recorded(events)

    def _refused(self, session: Session, error: Exception) -> None:
        try:
            self._counters.failed(error)
        except Exception as raised:  # noqa: BLE001  # held until after_transaction_end
            self._raised.setdefault(session.hash_key, raised)


def _named(kind: Kind, row: Row) -> dict[str, Any]:
    if type(row) is Partial:
        return {name: value for name, value in zip(kind.names, row, strict=True) if value is not UNKNOWN}
    return dict(zip(kind.names, row, strict=True))


def _time_stamp(place: int, old: Row | None, new: Row | None) -> datetime | None:
    """The row's own time, where this transaction has set it. A row that is deleted, or whose time stood still, does not
    know when that happened: then the clock does."""
    value = None if new is None else new[place]
    if not isinstance(value, datetime) or (old is not None and old[place] == value):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _up_to(savepoint: SessionTransaction) -> list[object]:
    """The open savepoints, outermost first."""
    found: list[object] = []
    transaction: SessionTransaction | None = savepoint
    while transaction is not None:
        if transaction.nested:
            found.append(transaction)
        transaction = transaction.parent
    return found[::-1]
