"""``track``: one call, and what a session class writes is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy.orm import Session

from byline.errors import UsageError
from byline.integrations.sqlalchemy.listener import Listener
from byline.integrations.sqlalchemy.options import Columns, Options, PerClass
from byline.integrations.sqlalchemy.stats import Counters, TrackingStats
from byline.integrations.sqlalchemy.target import session_class
from byline.integrations.sqlalchemy.unseen import watch

if TYPE_CHECKING:
    from byline.capture.recorder import Recorder

_active: WeakSet[Tracking] = WeakSet()


class Tracking:
    """What ``track`` returns: the counters, and the way to end it."""

    def __init__(self, cls: type[Session], recorder: Recorder, options: Options) -> None:
        self.session_class = cls
        self._counters = Counters(raises=recorder.on_error == "raise")
        self._listener = Listener(cls, recorder, options, self._counters)
        self._listener.listen()
        self._unwatch = watch(cls, self._listener.notice)
        _active.add(self)

    def stats(self) -> TrackingStats:
        """The counters as they are now."""
        return self._counters.read()

    def stop(self) -> None:
        """Record no more; a transaction that is not committed yet leaves no event. Idempotent."""
        if self in _active:
            _active.discard(self)
            self._listener.stop()
            self._unwatch()


def track(
    target: Any,
    recorder: Recorder,
    *,
    classes: Iterable[type] | None = None,
    exclude: Columns | None = None,
    table_id: Mapping[type, str] | None = None,
    time_stamp: PerClass | None = None,
    account_id: PerClass | None = None,
) -> Tracking:
    """Record every create, update and delete that the sessions of ``target`` commit: one event per entity and
    transaction.

    ``target`` is a Session class, ``sessionmaker``, ``scoped_session``, ``AsyncSession`` class, ``async_sessionmaker``
    or ``async_scoped_session``; other sessions are left alone.

    - ``classes``: record only these mapped classes and their subclasses. Default: all.
    - ``exclude``: columns that are never recorded, by class or for all, as attribute or column names.
    - ``table_id``: the ``table_id`` of a class. Default: the name of its table, with its schema where it has one.
    - ``time_stamp``: the attribute that holds the time of a change, such as ``updated_at``; it counts where the change
      set it, the clock everywhere else.
    - ``account_id``: the attribute that holds the account that owns the entity. Default: the actor's account.

    What is said of a class holds for its subclasses. A class may say the same itself:
    ``__byline__ = {"exclude": […]}``, or ``__byline__ = False`` to be left out. Raises
    :class:`~byline.errors.UsageError` for a target that makes no sessions, a column that does not exist, or a session
    class that is tracked already.
    """
    options = Options(classes, exclude, table_id, time_stamp, account_id)
    cls = session_class(target)
    if any(issubclass(cls, held.session_class) or issubclass(held.session_class, cls) for held in _active):
        raise UsageError("these sessions are tracked already", hint="Call stop() on what track() returned before.")
    return Tracking(cls, recorder, options)
