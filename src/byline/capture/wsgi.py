"""The request context for WSGI applications: Flask, and any other (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any

from byline.capture.arrival import CONTEXT_KEY, Arrival
from byline.capture.claims import TokenReader
from byline.capture.client_ip import ClientAddress, ForwardedHeader
from byline.capture.context import enter
from byline.capture.propagation import REQUEST_ID_HEADERS, RESPONSE_HEADER

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class AuditWsgiMiddleware:
    """Gives every request its context, and its response the request id: ``app.wsgi_app =
    AuditWsgiMiddleware(app.wsgi_app)``.

    The context lasts until the response is closed: a streamed body is produced after the application has returned. The
    settings are those of :class:`~byline.capture.asgi.AuditMiddleware`; ``actor`` gets the environ, and may look at
    what the framework has for the request, as in ``lambda environ: flask.g.get("user")``. Without it the actor is
    ``REMOTE_USER``, then what ``jwt`` reads in the token.
    """

    def __init__(
        self,
        app: App,
        *,
        trusted_proxies: Iterable[str] | int = (),
        forwarded_header: ForwardedHeader = "x-forwarded-for",
        jwt: TokenReader | None = None,
        actor: Callable[[Environ], Any] | None = None,
        request_id_headers: Iterable[str] = REQUEST_ID_HEADERS,
        response_header: str | None = RESPONSE_HEADER,
    ) -> None:
        self.app = app
        self._arrival: Arrival[Environ] = Arrival(
            candidates=_users,
            actor=actor,
            tokens=jwt,
            client=ClientAddress(trusted_proxies, forwarded_header),
            request_id_headers=request_id_headers,
            response_header=response_header,
        )
        self._wanted = [(f"HTTP_{name.upper().replace('-', '_')}", name) for name in sorted(self._arrival.headers)]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = {name: environ[key] for key, name in self._wanted if key in environ}
        context = self._arrival.context(environ, headers, environ.get("REMOTE_ADDR") or None, environ.get(CONTEXT_KEY))
        environ[CONTEXT_KEY] = context
        # Everything of this request runs in a copy of the variables: a body's generator keeps what it binds between
        # two steps, and nothing of it is there for the next request of this thread.
        variables = copy_context()
        variables.run(enter, context)
        body = variables.run(self.app, environ, self._answering(start_response, context.request_id))
        return body if _is_finished(body, environ) else _Body(body, variables)

    def _answering(self, start_response: StartResponse, request_id: str) -> StartResponse:
        header = self._arrival.response_header
        if header is None:
            return start_response

        def answer(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            kept = [pair for pair in headers if pair[0].lower() != header]
            return start_response(status, [*kept, (header, request_id)], *exc_info)

        return answer


class _Body:
    """A response's body that is still to be produced, each step of it inside the request's own variables."""

    __slots__ = ("_body", "_steps", "_variables")

    def __init__(self, body: Iterable[bytes], variables: Context) -> None:
        self._body = body
        self._variables = variables
        self._steps: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._steps is None:
            self._steps = self._variables.run(iter, self._body)
        return self._variables.run(next, self._steps)

    def close(self) -> None:
        """Close the body, as PEP 3333 asks servers to."""
        close = getattr(self._body, "close", None)
        if close is not None:
            self._variables.run(close)


def _is_finished(body: Iterable[bytes], environ: Environ) -> bool:
    """Whether no code of the service runs in the body any more: a list, or a file for the server to send in its own
    way."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(body, (list, tuple)) or (isinstance(wrapper, type) and isinstance(body, wrapper))


def _users(environ: Environ) -> tuple[Any, ...]:
    """What the web server says of whom it has signed in. A header cannot set it: those arrive as ``HTTP_…``."""
    user = environ.get("REMOTE_USER")
    return ({"username": user},) if user else ()
