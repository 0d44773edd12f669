"""Calls that change something come from our own pages, or from no page at all.

A browser sends a page's origin with every call that is not a plain read, and our cookie with a form that a page of the
same site submits. So a call whose ``Origin`` is another than its ``Host`` is refused, and so is one that says it comes
from another site (``Sec-Fetch-Site``), or that brings a session without saying from where. Programs send none of these.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from byline.web.problems import problem
from byline.web.session_cookie import COOKIE

_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """ASGI middleware: 403 for a call that another site's page makes in a reader's name.

    ``signing_in`` are origins that may open a session here: the sign-in page that readers are sent to."""

    def __init__(self, app: ASGIApp, signing_in: Collection[str] = ()) -> None:
        self.app = app
        self._signing_in = frozenset(signing_in)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READING and not self._is_ours(scope):
            await problem(403, "This call comes from a page of another site.")(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")
        if origins:
            opens_session = scope["path"] == "/session" and scope["method"] == "POST"
            trusted = opens_session and origins[0] in self._signing_in
            return len(origins) == 1 and (trusted or _same(origins[0], headers.get("host", "")))
        if "sec-fetch-site" in headers:
            return headers["sec-fetch-site"] in {"same-origin", "none"}
        return COOKIE not in headers.get("cookie", "")


def _same(origin: str, host: str) -> bool:
    """Whether an origin names this host. Its scheme is not compared: TLS may end before us, and only there is it
    known."""
    try:
        ours = urlsplit(f"//{host}")
        theirs = urlsplit(origin)
        default = _PORTS[theirs.scheme]
        return bool(theirs.hostname) and (theirs.hostname, theirs.port or default) == (
            ours.hostname,
            ours.port or default,
        )
    except (KeyError, ValueError):
        return False
