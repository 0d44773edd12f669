"""The cookie of a session."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers

COOKIE: Final = "__Host-byline"
"""The prefix makes the browser insist on Secure, on Path=/, and on no Domain (RFC 6265bis §4.1.3.2)."""


def session_of(headers: Headers) -> str | None:
    r"""What the session's cookie holds. Its name is compared byte for byte: whoever strips more than blanks from it (as
    Starlette does) also takes a cookie called ``\xa0__Host-byline``, which any site of the same domain may set."""
    for pair in ";".join(headers.getlist("cookie")).split(";"):
        name, _, value = pair.strip(" \t").partition("=")
        if name == COOKIE and value:
            return value
    return None
