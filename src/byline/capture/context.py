"""The current request context: one context variable, immutable values, reset by token.

It follows ``await``, tasks and ``asyncio.to_thread`` by itself. Plain threads and executors start without it
(:func:`carry`), and so do other processes (:func:`dump_context` there, :func:`load_context` here).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, suppress
from contextvars import ContextVar, Token
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from msgspec.structs import replace

from byline.capture import propagation
from byline.capture.request_context import Actor, RequestContext, Vouched, mint_request_id, unknown_actors
from byline.errors import UsageError

__all__ = [
    "Actor",
    "RequestContext",
    "Vouched",
    "bind",
    "carry",
    "current",
    "dump_context",
    "enter",
    "leave",
    "load_context",
    "outgoing_headers",
    "unknown_actors",
]

P = ParamSpec("P")
R = TypeVar("R")
Mark = Token[RequestContext | None]

_current: ContextVar[RequestContext | None] = ContextVar("byline_request_context", default=None)


def current() -> RequestContext | None:
    """The context in hand; ``None`` outside of every request and ``bind``."""
    return _current.get()


def enter(context: RequestContext | None) -> Mark:
    """Set the context. The caller owes a :func:`leave` with what this returns."""
    return _current.set(context)


def leave(mark: Mark) -> None:
    """Bring back the context from before the :func:`enter` that gave ``mark``.

    Where the two run in different copies of the context (a generator dependency whose halves run on two threads), the
    other copy is gone, and with it what was set there: nothing is left to undo.
    """
    with suppress(ValueError):
        _current.reset(mark)


def bind(
    request_id: str | None = None,
    actor: Actor = None,
    job: str | None = None,
    *,
    trace_id: str | None = None,
    ip_address: str | None = None,
    user_agent: str | None = None,
    miscellaneous: Mapping[str, Any] | None = None,
    verified_by: str | None = None,
) -> AbstractContextManager[RequestContext]:
    """A context for scripts and jobs: ``with`` a job's name, perhaps, and ``actor=User(user_id="cron")``.

    What is not given is inherited from the context around it, read when the ``with`` begins; a request id is minted
    where there is none. A new actor never inherits the old one's ``verified_by``; ``actor=User()`` is one of whom
    nothing is known. For one ``with`` only: call ``bind`` again for the next.
    """
    given: dict[str, Any] = {
        "request_id": request_id,
        "trace_id": trace_id,
        "ip_address": ip_address,
        "user_agent": user_agent,
        "job": job,
        "miscellaneous": None if miscellaneous is None else dict(miscellaneous),
        "verified_by": verified_by,
        "actor": actor,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if actor is not None:
        changes["verified_by"] = verified_by
    return Binding(lambda: _inherited(changes))


def carry(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn`` as it would run here, wherever it runs: for ``Thread``, ``submit``, ``run_in_executor``, ``map``.

    The context is the one at the time of the call to ``carry``, with the actor of that moment. Works for coroutine
    functions, too; a generator sees the context only until it is returned, so carry what consumes it.
    """
    context = _current.get()
    pinned = context.settled() if context is not None else None
    if inspect.iscoroutinefunction(fn):
        return cast("Callable[P, R]", _carried_coroutine(fn, pinned))

    @wraps(fn)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        mark = enter(pinned)
        try:
            return fn(*args, **kwargs)
        finally:
            leave(mark)

    return carried


def dump_context() -> dict[str, Any]:
    """The current context as plain JSON, to travel with a message; ``{}`` where there is none.

    The actor is the one of this moment. ``miscellaneous`` stays behind: it may hold anything.
    """
    context = current()
    return propagation.to_plain(context) if context is not None else {}


def load_context(dumped: Any, *, job: str | None = None) -> AbstractContextManager[RequestContext]:
    """The context that :func:`dump_context` gave, for one ``with``; ``job`` names the work done in it.

    Never raises for what the message holds: what does not have its form is left out, and a request id that cannot be
    taken is minted anew; the first such message is logged. Nothing is inherited from the context around. Whoever can
    write to the queue can name any actor, so sign the messages where that is not only you.
    """
    return Binding(lambda: propagation.from_plain(dumped, job))


def outgoing_headers() -> dict[str, str]:
    """What to send along when this request calls another service: its request id. Empty outside of every context."""
    context = current()
    return {propagation.RESPONSE_HEADER: context.request_id} if context is not None else {}


class Binding(AbstractContextManager[RequestContext]):
    """A context for the length of one ``with``."""

    __slots__ = ("_make", "_mark")

    def __init__(self, make: Callable[[], RequestContext]) -> None:
        self._make = make
        self._mark: Mark | None = None

    def __enter__(self) -> RequestContext:
        if self._mark is not None:
            # Which of two threads, or of two levels, is leaving could only be guessed, and a wrong guess leaks.
            raise UsageError("this context was entered before", hint="Call bind() or load_context() for each with.")
        context = self._make()
        self._mark = enter(context)
        return context

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._mark is not None:
            leave(self._mark)


def _inherited(changes: dict[str, Any]) -> RequestContext:
    around = _current.get()
    if around is not None:
        return replace(around, **changes)
    return RequestContext(**{"request_id": mint_request_id(), **changes})


def _carried_coroutine(
    fn: Callable[P, Coroutine[Any, Any, R]], context: RequestContext | None
) -> Callable[P, Coroutine[Any, Any, R]]:
    @wraps(fn)
    async def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        mark = enter(context)
        try:
            return await fn(*args, **kwargs)
        finally:
            leave(mark)

    return carried
