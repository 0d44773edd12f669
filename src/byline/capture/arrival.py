"""What the ASGI and the WSGI middleware share: settings, and the step from a request's headers to its context."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from byline.capture.claims import TokenReader
from byline.capture.client_ip import ClientAddress
from byline.capture.propagation import MAX_USER_AGENT, is_request_id, trace_id
from byline.capture.request_context import NOBODY, Actor, RequestContext, Vouched, attempt, mint_request_id, vouched
from byline.errors import UsageError

Request = TypeVar("Request")

CONTEXT_KEY = "byline.context"
"""Where the scope, or the environ, of a request holds its context: for error handlers that stand outside of the
middleware."""


class Flushes(Protocol):
    """The part of a recorder that a middleware uses."""

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything recorded is safe; False when the time ran out."""


class Arrival(Generic[Request]):
    """The settings of a middleware. ``Request`` is what its server calls one: an ASGI scope, a WSGI environ."""

    def __init__(
        self,
        *,
        candidates: Callable[[Request], Iterable[Any]],
        actor: Callable[[Request], Any] | None,
        tokens: TokenReader | None,
        client: ClientAddress,
        request_id_headers: Iterable[str],
        response_header: str | None,
    ) -> None:
        self.candidates = candidates
        self.actor = actor
        self.tokens = tokens
        self.client = client
        self.request_id_headers = tuple(_header(name) for name in request_id_headers)
        self.response_header = _header(response_header) if response_header is not None else None
        self.headers = frozenset(("user-agent", "traceparent", *self.request_id_headers))
        if not client.trusts_nobody:
            self.headers |= {client.header}
        if tokens is not None:
            self.headers |= {_header(tokens.header)}

    def context(self, request: Request, headers: Mapping[str, str], peer: str | None, outer: Any) -> RequestContext:
        """The context of a request, from those of its headers that :attr:`headers` names.

        ``outer`` is the context that a middleware further out has made of the same request, if there is one: its
        request id counts, and its actor where this one finds none.
        """
        late = LateActor(self, request, headers.get(self.tokens.header) if self.tokens is not None else None)
        if isinstance(outer, RequestContext):
            return _inside(outer, late)
        agent = headers.get("user-agent")
        return RequestContext(
            request_id=self._request_id(headers),
            trace_id=trace_id(headers.get("traceparent")),
            ip_address=self.client.find(peer, headers.get(self.client.header)),
            user_agent=agent[:MAX_USER_AGENT] if agent else None,
            actor=late,
        )

    def _request_id(self, headers: Mapping[str, str]) -> str:
        for name in self.request_id_headers:
            sent = headers.get(name)
            if sent is not None and is_request_id(sent):
                return sent
        return mint_request_id()


class LateActor(Generic[Request]):
    """Finds the actor when it is called, which is when an event is made: by then the service has checked who is
    calling.

    The order: the ``actor`` setting, the framework's signed-in user, the token. The first that names somebody counts.
    """

    __slots__ = ("_arrival", "_claimed", "_request", "_seen", "_seen_as", "_token")

    def __init__(self, arrival: Arrival[Request], request: Request, token: str | None) -> None:
        self._arrival = arrival
        self._request = request
        self._token = token
        self._claimed: Vouched | None = None
        self._seen: Any = None
        self._seen_as = NOBODY

    def __call__(self) -> Vouched:
        """The actor now. Never raises."""
        explicit = self._arrival.actor
        if explicit is not None:
            found = attempt(lambda: vouched(explicit(self._request), "framework"))
            if found is not None and found.user is not None:
                return found
        for candidate in attempt(lambda: self._arrival.candidates(self._request)) or ():
            if candidate is not None:
                found = self._framework_user(candidate)
                if found.user is not None:
                    return found
        return self._in_token()

    def _framework_user(self, candidate: Any) -> Vouched:
        """A user object is read once: by a second event of the request an ORM may have expired what it said before."""
        if candidate is self._seen:
            return self._seen_as
        found = attempt(lambda: vouched(candidate, "framework")) or NOBODY
        if found.user is not None:
            self._seen_as, self._seen = found, candidate
        return found

    def _in_token(self) -> Vouched:
        """A token is read once: one that expires during a long request has named its user."""
        tokens, token = self._arrival.tokens, self._token
        if tokens is None or token is None:
            return NOBODY
        if self._claimed is None:
            self._claimed = attempt(lambda: tokens.read(token))
        return self._claimed or NOBODY


def _inside(outer: RequestContext, late: Callable[[], Vouched]) -> RequestContext:
    def find() -> Vouched:
        mine = late()
        return mine if mine.user is not None else outer.who()

    actor: Actor = find
    return RequestContext(
        request_id=outer.request_id,
        trace_id=outer.trace_id,
        ip_address=outer.ip_address,
        user_agent=outer.user_agent,
        actor=actor,
    )


def _header(name: str) -> str:
    if not name or not name.isascii() or any(char.isspace() or char in "_:," for char in name):
        raise UsageError(f"{name!r} cannot be the name of a header", hint="Use a name such as request-id.")
    return name.lower()
