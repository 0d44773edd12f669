"""``byline serve``: queue consumer, HTTP API and page in one process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from byline.cli.options import DataOption
from byline.cli.output import flush, write_line
from byline.cli.stores import Stores, stores
from byline.cli.text import visible

if TYPE_CHECKING:
    import socket

PORT = 8321

PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")]


def serve(
    host: Annotated[str, typer.Option("--host", help="Loopback only, until there is sign-in.")] = "127.0.0.1",
    port: PortOption = PORT,
    data: DataOption = None,
) -> None:
    """Queue consumer, HTTP API and page, in one process, until Ctrl-C."""
    from byline.web.server import address, bind

    with closing(bind(host, port)) as listening, stores(data) as opened:
        where = f"Byline serves {visible(str(opened.settings.data))} at {address(listening)}"
        run(opened, listening, ready=lambda: say_now(where))


def run(opened: Stores, listening: socket.socket, *, ready: Callable[[], None]) -> None:
    """Process and answer on an address that is taken already, until SIGINT or SIGTERM. ``ready`` is called once the
    address answers."""
    from byline.processor import Processor
    from byline.web import create_app
    from byline.web.server import serve as serve_until_stopped
    from byline.web.worker import Worker

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    history, key = opened.writable_history, opened.settings.cursor_key
    processor = Processor(opened.bucket, opened.queue, history)
    worker = Worker(lambda stop: processor.run(follow=True, stop=stop))
    app = create_app(history, opened.bucket, cursor_key=key.encode() if key else None, processor=worker.health)
    serve_until_stopped(app, listening, worker, ready=ready)


def say_now(line: str) -> None:
    """A line that whoever waits for it sees at once, also through a pipe."""
    write_line(line)
    flush()
