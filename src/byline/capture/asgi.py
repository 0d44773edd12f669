"""The request context for ASGI applications: Starlette, FastAPI, and any other. Pure ASGI, without a base class."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

from byline.capture.arrival import CONTEXT_KEY, Arrival, Flushes
from byline.capture.claims import TokenReader
from byline.capture.client_ip import ClientAddress, ForwardedHeader
from byline.capture.context import enter, leave
from byline.capture.propagation import REQUEST_ID_HEADERS, RESPONSE_HEADER

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FLUSH_SECONDS: Final = 5.0
"""How long the service's shutdown waits for the recorder."""

_STARTS: Final = frozenset(("http.response.start", "websocket.accept", "websocket.http.response.start"))
_log = logging.getLogger("byline.capture")


class AuditMiddleware:
    """Gives every request and every websocket its context, and its response the request id.

    ``app.add_middleware(AuditMiddleware, recorder=recorder)``, or around the whole application. The context is there
    as long as the application works on the request: in tasks, streamed bodies and background tasks, too.

    - ``recorder``: flushed when the service shuts down.
    - ``actor``: from the scope to a user, asked when an event is made and before anything else. Otherwise the actor is
      ``scope["user"]``, then ``request.state.user``, then what ``jwt`` reads in the token.
    - ``jwt``: a ``JwtVerifier`` or a ``GatewayVerified``.
    - ``trusted_proxies``, ``forwarded_header``: see :mod:`byline.capture.client_ip`.
    - ``request_id_headers``: where a request id may come from, the first valid one winning; else one is minted.
    - ``response_header``: where it is sent back; ``None``: nowhere.

    Inside Starlette and FastAPI the answer to an exception that nobody handles is sent from outside of every added
    middleware. Where that is the plain ``Internal Server Error``, it is sent from here instead, so that it has the
    header; a handler of your own for ``Exception`` finds the context in ``request.scope["byline.context"]``, or wrap
    the whole application.
    """

    def __init__(
        self,
        app: App,
        recorder: Flushes | None = None,
        *,
        trusted_proxies: Iterable[str] | int = (),
        forwarded_header: ForwardedHeader = "x-forwarded-for",
        jwt: TokenReader | None = None,
        actor: Callable[[Scope], Any] | None = None,
        request_id_headers: Iterable[str] = REQUEST_ID_HEADERS,
        response_header: str | None = RESPONSE_HEADER,
    ) -> None:
        self.app = app
        self._recorder = recorder
        self._arrival: Arrival[Scope] = Arrival(
            candidates=_users,
            actor=actor,
            tokens=jwt,
            client=ClientAddress(trusted_proxies, forwarded_header),
            request_id_headers=request_id_headers,
            response_header=response_header,
        )
        self._wanted: dict[bytes, str] = {name.encode(): name for name in self._arrival.headers}
        header = self._arrival.response_header
        self._response_header = header.encode() if header is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._live(scope, receive, send)
            return
        if kind not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = self._headers(scope)
        tokens = self._arrival.tokens
        if tokens is not None:
            keys = tokens.prepare(headers.get(tokens.header, ""))
            if keys is not None:
                await keys
        peer = scope.get("client")
        context = self._arrival.context(scope, headers, peer[0] if peer else None, scope.get(CONTEXT_KEY))
        scope[CONTEXT_KEY] = context
        response = _Response(send, self._response_header, context.request_id)
        framework = scope.get("app")
        mark = enter(context)
        try:
            await self.app(scope, receive, response)
        except Exception:
            if kind == "http" and not response.started and self._is_next_to_plain_answers(framework):
                await response.internal_server_error()
            raise
        finally:
            leave(mark)

    def _headers(self, scope: Scope) -> dict[str, str]:
        """The headers that matter; one that comes twice is joined by a comma (RFC 9110 §5.3)."""
        wanted = self._wanted
        found: dict[str, str] = {}
        for name, value in scope["headers"]:
            known = wanted.get(name)
            if known is not None:
                text = value.decode("latin-1")
                found[known] = f"{found[known]},{text}" if known in found else text
        return found

    def _is_next_to_plain_answers(self, framework: Any) -> bool:
        """Whether Starlette would send its plain answer, and no middleware of the service stands between it and this
        one, which might have another answer."""
        added: Any = getattr(framework, "user_middleware", None)
        outermost = getattr(framework, "middleware_stack", None)
        return (
            bool(added)
            and getattr(added[0], "cls", None) is type(self)
            and getattr(outermost, "handler", self) is None
            and getattr(outermost, "debug", None) is False
        )

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._arrival.tokens is not None:
            self._arrival.tokens.prepare(None)

        async def flushing(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete" and self._recorder is not None:
                await _flush(self._recorder)
            await send(message)

        await self.app(scope, receive, flushing)


class _Response:
    """Sends on what the application sends, with the request id in the headers: once, whatever stood there."""

    __slots__ = ("_header", "_request_id", "_send", "started")

    def __init__(self, send: Send, header: bytes | None, request_id: str) -> None:
        self._send = send
        self._header = header
        self._request_id = request_id
        self.started = False

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] in _STARTS:
            self.started = True
            if self._header is not None:
                message = self._with_request_id(message, self._header)
        return self._send(message)

    def _with_request_id(self, message: Message, header: bytes) -> Message:
        # The message and its list are the application's: a response object may be sent more than once.
        headers = [pair for pair in message.get("headers", ()) if bytes(pair[0]).lower() != header]
        headers.append((header, self._request_id.encode()))
        return {**message, "headers": headers}

    async def internal_server_error(self) -> None:
        """What Starlette sends where nobody has handled an exception."""
        text = b"Internal Server Error"
        headers = [(b"content-length", b"%d" % len(text)), (b"content-type", b"text/plain; charset=utf-8")]
        await self({"type": "http.response.start", "status": 500, "headers": headers})
        await self({"type": "http.response.body", "body": text})


def _users(scope: Scope) -> tuple[Any, Any]:
    """Where frameworks keep the signed-in user: what authentication middleware sets, and what a dependency sets."""
    state = scope.get("state")
    return scope.get("user"), state.get("user") if isinstance(state, Mapping) else getattr(state, "user", None)


async def _flush(recorder: Flushes) -> None:
    import asyncio  # noqa: PLC0415 - there already where a service lives on it; others need not load it

    try:
        if not await asyncio.to_thread(recorder.flush, FLUSH_SECONDS):
            _log.warning("not all events were shipped within %s s of shutdown", FLUSH_SECONDS)
    except Exception:  # noqa: BLE001 - the service shuts down all the same
        _log.exception("the recorder could not be flushed at shutdown")
