"""The types of ASGI (asgi.readthedocs.io, "Specification")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class App(Protocol):
    """An application, or what stands around one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
