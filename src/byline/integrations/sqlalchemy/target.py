"""Which ``Session`` class stands behind what was given to ``track``."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session, scoped_session, sessionmaker

from byline.errors import UsageError

# Asynchronous sessions are told by their names: importing them fails where greenlet is not installed.


def session_class(target: Any) -> type[Session]:
    """The synchronous class whose events are to be heard: of a Session class, ``sessionmaker``, ``scoped_session``,
    ``AsyncSession`` class, ``async_sessionmaker`` or ``async_scoped_session``.

    A factory has a class of its own, so tracking one leaves every other session alone. Raises
    :class:`~byline.errors.UsageError` for anything else.
    """
    if isinstance(target, scoped_session) or hasattr(target, "session_factory"):
        return session_class(target.session_factory)
    if isinstance(target, sessionmaker):
        return target.class_
    if isinstance(target, type) and issubclass(target, Session):
        return target
    asynchronous = getattr(target, "class_", target)
    if isinstance(asynchronous, type) and hasattr(asynchronous, "sync_session_class"):
        return _class_behind(target) if isinstance(target, type) else _factory_behind(target)
    raise UsageError(
        f"track() takes a Session class or a session factory, not {target!r}",
        hint="Give what makes the sessions: the sessionmaker, not a session it has made.",
    )


def _factory_behind(factory: Any) -> type[Session]:
    """The class inside a factory's asynchronous sessions; made for them where they share SQLAlchemy's own."""
    chosen: type[Session] | None = factory.kw.get("sync_session_class")
    if chosen is None or chosen is Session:
        chosen = _own(factory.class_.sync_session_class)
        factory.configure(sync_session_class=chosen)
    return chosen


def _class_behind(asynchronous: Any) -> type[Session]:
    behind: type[Session] = asynchronous.sync_session_class
    if behind is Session or "sync_session_class" not in vars(asynchronous):
        behind = asynchronous.sync_session_class = _own(behind)
    return behind


def _own(cls: type[Session]) -> type[Session]:
    return type("Session", (cls,), {})
