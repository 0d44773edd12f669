"""Why a call is not answered, each as an HTTP status with the headers that belong to it."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException


class NotFound(HTTPException):
    """What was asked for is not there, or not for this reader: the two look the same from outside."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.NOT_FOUND, detail)


class Unauthorized(HTTPException):
    """Nobody is signed in, or the token is not good. ``error`` is a word of RFC 6750 §3.1; without one, no token was
    sent."""

    def __init__(self, detail: str, *, error: str | None = None) -> None:
        challenge = 'Bearer realm="byline"' + (f', error="{error}"' if error else "")
        super().__init__(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": challenge})


class Forbidden(HTTPException):
    """The caller is known, and may not do this. ``scope`` is the one that would allow it (RFC 6750 §3.1)."""

    def __init__(self, detail: str, *, scope: str | None = None) -> None:
        challenge = f'Bearer realm="byline", error="insufficient_scope", scope="{scope}"'
        super().__init__(HTTPStatus.FORBIDDEN, detail, {"WWW-Authenticate": challenge} if scope else None)


class TooMany(HTTPException):
    """The caller has asked too often (RFC 6585 §4)."""

    def __init__(self, seconds: int) -> None:
        detail = f"Too many calls. Try again in {seconds} s."
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(seconds)})


class NotNow(HTTPException):
    """Something needed for the answer does not answer itself."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"})


class TooLarge(HTTPException):
    """The body is larger than what is taken in one call."""

    def __init__(self, limit: int) -> None:
        detail = f"The body is too large: at most {limit} bytes are taken. Send less, or put it in the bucket."
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})


class NotTakenHere(HTTPException):
    """The body is of a kind that is not read here (RFC 9110 §15.5.16)."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


class Gone(HTTPException):
    """It was there, and is not any more."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.GONE, detail)
