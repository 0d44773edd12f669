"""One process that serves: the address, the signals, the processor's thread."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from byline.errors import Unreachable, UsageError
from byline.web.loopback import is_loopback
from byline.web.worker import Worker

GRACE = 5
"""Seconds that calls in hand get to finish before the server closes their connections."""


def bind(host: str, port: int, *, anywhere: bool = False) -> socket.socket:
    """Take the address; port 0 takes a free one. ``anywhere``: readers sign in, so it need not be loopback.

    Raises :class:`~byline.errors.UsageError` for an address that is not allowed, :class:`~byline.errors.Unreachable`
    for one that cannot be had."""
    if not anywhere and not is_loopback(host):
        raise UsageError(
            f"--host {host}: without sign-in Byline answers on loopback only",
            hint="Set BYLINE_JWT_ISSUER, BYLINE_JWT_AUDIENCE and BYLINE_JWT_JWKS_URL; or use 127.0.0.1.",
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol by name: without it asyncio leaves Nagle's algorithm on, and an answer waits 40 ms for its body.
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Unreachable(f"cannot listen on {host}: {error.strerror}") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(socket.SOMAXCONN)
    except OSError as error:
        taken.close()
        raise _cannot_listen(host, port, error) from None
    return taken


def _cannot_listen(host: str, port: int, error: OSError) -> Unreachable:
    if error.errno == errno.EADDRINUSE:
        return Unreachable(f"port {port} is taken", hint="Choose another with --port; 0 takes a free one.")
    return Unreachable(f"cannot listen on {host}:{port}: {error.strerror}")


def address(listening: socket.socket) -> str:
    """Where a reader finds it, as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"http://{host}:{port}"


def serve(app: ASGIApp, listening: socket.socket, worker: Worker, *, ready: Callable[[], None] = lambda: None) -> None:
    """Serve and process until SIGINT or SIGTERM; then finish the calls and the batch in hand. A second signal does not
    wait. ``ready`` is called once the address answers."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config, ready)
    with _stopping(server):
        worker.start()
        try:
            server.run(sockets=[listening])
        finally:
            worker.stop()
            worker.join()


class _Server(uvicorn.Server):
    """uvicorn that says when it answers, and leaves the signals to us: it would raise them again after its shutdown,
    and so end the process before the processor has finished."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM end the server in peace; a second one goes where it went before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(_number: int, _frame: FrameType | None) -> None:
        # Only a flag: whatever this interrupts may hold a lock.
        server.should_exit = True
        restore()

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()
