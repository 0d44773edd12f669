"""What an event says of its origin: an immutable value. :mod:`.context` holds the current one."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from byline.capture.framework_user import user_of
from byline.model.event import User

R = TypeVar("R")

_log = logging.getLogger("byline.capture")


class Vouched(NamedTuple):
    """A user, and who says so: ``"framework"``, ``"gateway"``, or the issuer of a token that was verified here."""

    user: User | None
    by: str | None


NOBODY: Final = Vouched(None, None)

Actor = User | Callable[[], Any] | None
"""The user, or what finds the user at the moment of the event: a function that gives a :class:`User`, a
:class:`Vouched`, a framework's user object, or ``None``."""


class RequestContext(Struct, frozen=True, kw_only=True):
    """What is known of the request, job or script in hand."""

    request_id: str
    trace_id: str | None = None
    """The W3C trace: 32 hexadecimal digits."""
    ip_address: str | None = None
    user_agent: str | None = None
    job: str | None = None
    miscellaneous: Mapping[str, Any] | None = None
    actor: Actor = None
    verified_by: str | None = None
    """Who vouches for an actor that is given outright. One that is found late brings its own: ask :meth:`who`."""

    def who(self) -> Vouched:
        """The actor now, and who vouches for it.

        Never raises: an actor that cannot be found is unknown and counted (:func:`unknown_actors`).
        """
        actor = self.actor
        if actor is None:
            return NOBODY
        if type(actor) is User:
            return Vouched(actor, self.verified_by)
        return attempt(self._find) or NOBODY

    def user(self) -> User | None:
        """The actor now. Never raises."""
        return self.who().user

    def settled(self) -> RequestContext:
        """This context with the actor of this moment for good; one that is not known yet stays open."""
        who = self.who()
        return self if who.user is None else replace(self, actor=who.user, verified_by=who.by)

    def _find(self) -> Vouched:
        actor = self.actor
        return vouched(actor() if callable(actor) else actor, self.verified_by)


def mint_request_id() -> str:
    """A new request id: a random UUID."""
    return str(uuid4())


def vouched(found: Any, by: str | None) -> Vouched:
    """What a finder gave, as user and voucher. Raises what :func:`~byline.capture.framework_user.user_of` raises."""
    if type(found) is Vouched:
        return found
    if inspect.iscoroutine(found):
        found.close()
        raise TypeError("the actor is found by an async function; events are made in plain code, which cannot await it")
    user = user_of(found)
    return Vouched(user, by) if user is not None else NOBODY


class _Unknown:
    count = 0


def attempt(find: Callable[[], R]) -> R | None:
    """What ``find`` gives; ``None`` where it raises: counted as an unknown actor, and logged the first time."""
    try:
        return find()
    except Exception:  # noqa: BLE001 - the service's own code, and no fault in it may stop the service's write
        _Unknown.count += 1
        if _Unknown.count == 1:
            _log.warning("an actor cannot be found and is recorded as unknown; more are only counted", exc_info=True)
        return None


def unknown_actors() -> int:
    """How many times in this process finding the actor raised, so that it was recorded as unknown."""
    return _Unknown.count
