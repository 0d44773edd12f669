"""Reads are recorded, too: who asked for what. One event of the table ``byline_access`` for each question of a reader.

Nothing here slows or fails a read: the event is made once the answer is sent, on the recorder's own terms (it counts
what it cannot keep). A reader who asks the same again within ten minutes has asked once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.types import Scope

from byline.capture.context import bind
from byline.capture.propagation import MAX_USER_AGENT, REQUEST_ID_HEADERS, is_request_id
from byline.capture.recorder import Recorder
from byline.model import access
from byline.model.event import User
from byline.web.caller import Caller

UNRECORDED: Final = frozenset(("/v1/feed", "/v1/activity"))
"""What followers and the live bar of a page ask again and again."""

SAME_FOR: Final = 600.0
"""Seconds in which the same question of the same reader is one read."""
_REMEMBERED: Final = 10_000
_LONGEST: Final = 1_000
"""Characters that are kept of what was asked for."""


class Reads:
    """Records what readers ask."""

    def __init__(self, recorder: Recorder, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._recorder = recorder
        self._clock = clock
        self._asked: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def record(self, scope: Scope, reader: Caller, route: str) -> None:
        """One read that was answered. Never raises where the recorder only counts."""
        asked = _asked(scope)
        question = (reader.verified_by, reader.subject, scope["path"], *asked.items())
        if route in UNRECORDED or not self._is_new(question):
            return
        headers = Headers(scope=scope)
        client = scope.get("client")
        agent = headers.get("user-agent")
        with bind(
            request_id=_request_id(headers),
            actor=User(account_id=reader.account_id, user_id=reader.subject, email=reader.email, user_name=reader.name),
            verified_by=reader.verified_by,
            ip_address=client[0] if client else None,
            user_agent=agent[:MAX_USER_AGENT] if agent else None,
        ):
            self._recorder.record(
                "create",
                access.TABLE,
                str(uuid4()),
                new={"route": route, "path": scope["path"][:_LONGEST], **asked},
                account_id=reader.account_id or asked.get("account_id"),
            )

    def _is_new(self, question: tuple[Any, ...]) -> bool:
        now = self._clock()
        # Its hash: a question may be as long as an address may be.
        key = sha256(repr(question).encode("utf-8", "backslashreplace")).digest()
        with self._lock:
            last = self._asked.pop(key, None)
            if last is not None and now - last < SAME_FOR:
                self._asked[key] = last
                return False
            self._asked[key] = now
            if len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)
            return True


def _asked(scope: Scope) -> dict[str, str]:
    """The filters of the question; where in its pages it was is left out."""
    pairs = parse_qsl(scope["query_string"].decode("utf-8", "replace"))
    return {name: text[:_LONGEST] for name, text in pairs if name not in {"cursor", "limit"}}


def _request_id(headers: Headers) -> str | None:
    sent = (headers.get(name) for name in REQUEST_ID_HEADERS)
    return next((text for text in sent if text is not None and is_request_id(text)), None)
