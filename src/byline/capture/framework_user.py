"""From whatever a framework calls its user to the :class:`~byline.model.event.User` of an event.

Read by the names that frameworks use, never by importing one. Reading costs no SQL: of a row that an ORM has loaded,
only what is loaded already is looked at, since a hidden SELECT in the middle of a flush is worse than an unknown
e-mail address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from byline.model.event import User

_ACCOUNT: Final = ("account_id",)
_ID: Final = ("user_id", "id", "pk", "sub", "identity", "username")
"""``user_id`` before ``id``: a profile has both, and its ``id`` is the profile's. A login name is an id where there is
no other."""
_EMAIL: Final = ("email",)
_NAME: Final = ("user_name", "name", "display_name", "username")

_NOTHING: Final[Mapping[str, Any]] = {}
_Read = Callable[[str], Any]


def user_of(found: Any) -> User | None:
    """The user behind a framework's object, a mapping of the same names, or a bare id (text, integer or UUID).

    ``None`` for ``None`` and for a user who is not signed in (``is_authenticated`` is false). Raises ``LookupError``
    for an object that says nothing a user would say.
    """
    if found is None or type(found) is User:
        return found
    bare = text_of(found)
    if bare is not None:
        return User(user_id=bare)
    read = _reader(found)
    if not _is_signed_in(found, read):
        return None
    user = User(
        account_id=_first(read, _ACCOUNT),
        user_id=_first(read, _ID),
        email=_first(read, _EMAIL),
        user_name=_first(read, _NAME),
    )
    if user == _NOBODY:
        raise LookupError(f"a user of type {type(found).__name__} has no {', '.join(_ID + _EMAIL)}")
    return user


def text_of(value: Any) -> str | None:
    """An id or a name as text: non-empty text, an integer or a UUID. ``None`` for anything else, a bool too."""
    if isinstance(value, str):
        return str.__str__(value) or None
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    return str(value) if isinstance(value, UUID) else None


_NOBODY: Final = User()


def _reader(found: Any) -> _Read:
    if isinstance(found, Mapping):
        return found.get
    if _is_row(found):
        return _loaded(found)
    return lambda name: _attribute(found, name)


def _is_row(found: Any) -> bool:
    return "_sa_instance_state" in getattr(found, "__dict__", _NOTHING)


def _loaded(row: Any) -> _Read:
    """Of a row of SQLAlchemy's: what is loaded, and the primary key, known even when everything has expired."""
    known = dict(vars(row))
    key = known["_sa_instance_state"].identity
    if key and len(key) == 1:
        known.setdefault("identity", key[0])
    return known.get


def _attribute(found: Any, name: str) -> Any:
    """``None`` where there is no such attribute, or where it cannot be read: abstract properties raise."""
    try:
        return getattr(found, name, None)
    except Exception:  # noqa: BLE001 - it is the framework's property, and may raise whatever it likes
        return None


def _is_signed_in(found: Any, read: _Read) -> bool:
    """A framework without the flag has signed-in users only. It is a property today, and was a method once.

    One that raises goes up: whoever cannot say that he is signed in is not.
    """
    flag = read("is_authenticated")
    if flag is None and not isinstance(found, Mapping) and not _is_row(found):
        flag = getattr(found, "is_authenticated", None)
    return flag is None or bool(flag() if callable(flag) else flag)


def _first(read: _Read, names: tuple[str, ...]) -> str | None:
    for name in names:
        text = text_of(read(name))
        if text is not None:
            return text
    return None
