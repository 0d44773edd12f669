"""Loopback only: while there is no sign-in, nobody outside this machine may ask, nor send a browser on this machine
to ask.

A page elsewhere can point a name of its own at 127.0.0.1 (DNS rebinding) and read the answers as its own origin. The
browser still tells the name in the ``Host`` header, so a call that names anything but loopback is refused."""

from __future__ import annotations

import re
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from byline.web.problems import problem

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::\d{1,5})?", re.ASCII)


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine and nothing else."""
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def names_loopback(host_header: str) -> bool:
    """Whether a ``Host`` header (with or without a port) names loopback."""
    match = _HOST.fullmatch(host_header)
    return match is not None and is_loopback(match["v6"] or match["name"])


class LoopbackOnly:
    """ASGI middleware: 421 for a call whose ``Host`` header is missing, doubled, or no loopback name."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or not names_loopback(hosts[0]):
                refusal = problem(
                    421, "Byline has no sign-in set up, so it answers to loopback names only: use 127.0.0.1."
                )
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)
