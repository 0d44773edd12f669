"""The context between processes: what may be taken from a request's headers, and a plain form for any queue."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from byline.capture.framework_user import text_of
from byline.capture.request_context import RequestContext, mint_request_id
from byline.model.event import User

REQUEST_ID_HEADERS: Final = ("request-id", "x-request-id", "x-correlation-id")
"""Where a request id may come from; the first valid one wins."""
RESPONSE_HEADER: Final = "request-id"
MAX_USER_AGENT: Final = 1000
"""Characters; what is longer is cut. Real ones stay under 500, and every event of the request carries it."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_ZERO_TRACE: Final = "0" * 32
_ZERO_SPAN: Final = "0" * 16

_MAX_REQUEST_ID: Final = 128
_MAX_TEXT: Final = 1024
_TEXTS: Final = ("trace_id", "ip_address", "user_agent", "job", "verified_by")
_USER: Final = ("account_id", "user_id", "email", "user_name")

_log = logging.getLogger("byline.capture")


def is_request_id(text: str) -> bool:
    """Whether an id from outside may be taken as it is: ``^[A-Za-z0-9._-]{1,128}$``, and nothing after it."""
    return _REQUEST_ID.fullmatch(text) is not None


def trace_id(traceparent: str | None) -> str | None:
    """The trace id in a ``traceparent`` header (W3C Trace Context, level 1); ``None`` where the header is not valid.

    Version ``ff`` is forbidden, all zeros are no id, and only a later version than ``00`` may go on after the flags.
    """
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None:
        return None
    version, trace, span, more = match.groups()
    if version == "ff" or (version == "00" and more) or trace == _ZERO_TRACE or span == _ZERO_SPAN:
        return None
    return str(trace)


def to_plain(context: RequestContext) -> dict[str, Any]:
    """The context as JSON would carry it, the actor resolved now, ``None`` left out."""
    user, by = context.who()
    plain: dict[str, Any] = {"request_id": context.request_id, **{name: getattr(context, name) for name in _TEXTS}}
    plain["verified_by"] = by
    if user is not None:
        plain["user"] = {name: text for name in _USER if (text := getattr(user, name)) is not None}
    return {name: value for name, value in plain.items() if value is not None}


def from_plain(dumped: Any, job: str | None = None) -> RequestContext:
    """The context that :func:`to_plain` wrote. Never raises, whatever it is given: what has not its form is left
    out."""
    reading = _Reading()
    context = reading.context(dumped, job)
    if reading.odd:
        _report_once()
    return context


class _Reading:
    """One dumped context being read; it remembers whether something had to be left out."""

    __slots__ = ("odd",)

    def __init__(self) -> None:
        self.odd = False

    def context(self, dumped: Any, job: str | None) -> RequestContext:
        plain = self._object(dumped)
        texts: dict[str, Any] = {name: self._text(plain.get(name)) for name in _TEXTS}
        if job is not None:
            texts["job"] = job
        user = self._user(plain.get("user"))
        if user is None:
            texts["verified_by"] = None
        return RequestContext(request_id=self._request_id(plain.get("request_id")), actor=user, **texts)

    def _request_id(self, sent: Any) -> str:
        text = self._text(sent)
        if text is not None and len(text) <= _MAX_REQUEST_ID:
            return text
        self.odd = True
        return mint_request_id()

    def _user(self, sent: Any) -> User | None:
        if sent is None:
            return None
        said = self._object(sent)
        parts = {name: self._text(said.get(name)) for name in _USER}
        return User(**parts) if any(parts.values()) else None

    def _text(self, sent: Any) -> str | None:
        """Printable text of bounded length: no control characters, no half of a character (a lone surrogate)."""
        if sent is None:
            return None
        text = None if isinstance(sent, int) and abs(sent) > _MAX_INTEGER else text_of(sent)
        if text is not None and len(text) <= _MAX_TEXT and text.isprintable():
            return text
        self.odd = True
        return None

    def _object(self, sent: Any) -> Mapping[Any, Any]:
        if isinstance(sent, Mapping):
            return sent
        self.odd = True
        return {}


_MAX_INTEGER: Final = 1 << 128
"""More than any id needs; Python refuses to write out integers of more than some thousand digits."""


class _Reported:
    once = False


def _report_once() -> None:
    if not _Reported.once:
        _Reported.once = True
        _log.warning("the context in a message is missing or damaged; what cannot be taken is left out (said once)")
