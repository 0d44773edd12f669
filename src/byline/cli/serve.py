"""``byline serve``: queue consumer, HTTP API and page in one process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing
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
    host: Annotated[str, typer.Option("--host", help="Loopback only, unless readers sign in.")] = "127.0.0.1",
    port: PortOption = PORT,
    data: DataOption = None,
) -> None:
    """Queue consumer, HTTP API and page, in one process, until Ctrl-C."""
    from byline.web.from_settings import anywhere
    from byline.web.server import address, bind

    with stores(data) as opened, closing(bind(host, port, anywhere=anywhere(opened.settings))) as listening:
        where = f"Byline serves {visible(str(opened.settings.data))} at {address(listening)}"
        run(opened, listening, ready=lambda: say_now(where))


def run(opened: Stores, listening: socket.socket, *, ready: Callable[[], None]) -> None:
    """Process and answer on an address that is taken already, until SIGINT or SIGTERM. ``ready`` is called once the
    address answers."""
    from byline.processor import Processor
    from byline.web.from_settings import app_of, recorder_of
    from byline.web.server import serve as serve_until_stopped
    from byline.web.worker import Taken, Worker

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    history, settings = opened.writable_history, opened.settings
    processor, taken = Processor(opened.bucket, opened.queue, history), Taken()
    worker = Worker(lambda stop: processor.run(follow=True, stop=stop, progress=taken.begin()))
    with ExitStack() as closing_last:
        recorder = recorder_of(settings)
        if recorder is not None:
            closing_last.callback(recorder.close)
        app = app_of(
            settings,
            history=history,
            bucket=opened.bucket,
            queue=opened.queue,
            processor=worker.health,
            taken=taken.counts,
            recorder=recorder,
        )
        serve_until_stopped(app, listening, worker, ready=ready)


def say_now(line: str) -> None:
    """A line that whoever waits for it sees at once, also through a pipe."""
    write_line(line)
    flush()
