"""``byline demo``: two sample services, the whole road, the page."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from byline.cli import demo_shop
from byline.cli.demo_shop import CHANGES, EVENTS, REFUND
from byline.cli.options import DataOption
from byline.cli.output import flush, on_terminal, write_line
from byline.cli.serve import PORT, PortOption, run, say_now
from byline.cli.stores import Stores
from byline.cli.text import visible
from byline.errors import BylineError, UsageError
from byline.settings import Settings

if TYPE_CHECKING:
    from byline.bucket.port import Bucket
    from byline.history.port import History
    from byline.model.query import EventRow
    from byline.queue.port import Queue

_BAD_LINE = {
    "table_id": "orders",
    "entity_id": "1",
    "micro_service_name": "orders",
    "action": "archive",
    "request_info": {"request_id": REFUND},
}
"""An event of an action that nobody knows, and without a time."""


def demo(
    exit: Annotated[bool, typer.Option("--exit", help="Print and end; serve nothing.")] = False,
    port: PortOption = PORT,
    data: DataOption = None,
) -> None:
    """Two sample services, real traffic, the whole road, the page."""
    from byline.web.server import address, bind

    with ExitStack() as closing_all:
        listening = None if exit else closing_all.enter_context(closing(bind("127.0.0.1", port)))
        opened = Stores(Settings.load(_own_folder(data), {}), closing_all)
        _play(opened)
        _say_what_next(opened.settings.data)
        if listening is not None:
            where = _bold(f"\nThe page is at {address(listening)}; Ctrl-C ends it.")
            run(opened, listening, ready=lambda: say_now(where))


def _own_folder(data: Path | None) -> Path:
    """A folder that holds nothing else: the demo never writes among real data. For the same reason it does not read
    the settings of the environment."""
    if data is None:
        return Path(tempfile.mkdtemp(prefix="byline-demo-"))
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise UsageError(f"{data} is not an empty folder", hint="Give the demo a new one, or leave out --data.")
    return data


def _play(opened: Stores) -> None:
    write_line(_bold("Two services and a worker, each a process of its own, are called:"))
    for line in demo_shop.play(opened.settings):
        write_line(f"  {visible(line)}")
        flush()
    write_line(_bold("\nWhat they recorded takes its road:"))
    _arrive(opened)
    _process(opened.bucket, opened.queue, opened.writable_history)
    _ask(opened.history, opened.settings.data)


def _arrive(opened: Stores) -> None:
    """A service ships while it runs and when it ends. Here everybody has ended; also one line that no service of ours
    wrote is there, which has to become a dead letter and must not harm its neighbours."""
    from byline.capture.ship import ship_folder
    from byline.processor.put import put

    left = ship_folder(opened.settings.spool, opened.settings).left
    _expect("segments in the spool", left, 0)
    _stage("spool", "empty: everything is shipped")
    put(opened.bucket, opened.queue, msgspec.json.encode(_BAD_LINE) + b"\n")
    stored = list(opened.bucket.list("events/"))
    _stage("bucket", f"{len(stored)} objects, {sum(info.size for info in stored):,} bytes, each written once")
    _stage("queue", f"{opened.queue.depth().waiting} announcements wait")


def _process(bucket: Bucket, queue: Queue, history: History) -> None:
    from byline.processor import Processor

    began = time.perf_counter()
    counts = Processor(bucket, queue, history).run()
    took = (time.perf_counter() - began) * 1000
    _expect("events", counts.events, EVENTS)
    _expect("changes", counts.changes, CHANGES)
    _expect("dead letters", counts.dead_letters, 1)
    letters = f"{counts.dead_letters} dead letter"
    _stage("processor", f"{counts.objects} objects → {counts.events} events, {letters}, in {took:.0f} ms")
    _stage("history", f"{counts.changes} changes, one row for each attribute")


def _expect(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise BylineError(
            f"the demo expected {expected} {what} and found {found}", hint="That is a fault in Byline: report it."
        )


def _ask(history: History, data: Path) -> None:
    from byline.model.query import Query

    read = history.reader.events
    _question("What happened to products_master 1?", ["history", "products_master", "1"], data)
    _tell(read(Query(table_id="products_master", entity_id="1")).rows)
    _question("What did one request change, across services?", ["request", REFUND], data)
    _tell(read(Query(request_id=REFUND, order="oldest")).rows)
    asked = ["search", "--attribute", "status", "--current-value", "PARTLY_REFUNDED"]
    _question("Who set a status to PARTLY_REFUNDED?", asked, data)
    _tell(read(Query(attribute="status", current_value="PARTLY_REFUNDED")).rows)
    _question("What could not be taken?", ["dead-letters", "list"], data)
    for letter in history.dead_letters.list():
        write_line(f"  {letter.reason}: {letter.detail} (line {letter.line} of {letter.key.rpartition('/')[2]})")


def _tell(events: Sequence[EventRow]) -> None:
    from byline.web.sentence import plain, sentence

    _expect("answers", int(bool(events)), 1)
    for event in events:
        write_line(f"  {event.time}  {visible(plain(sentence(event)))}")
        for line in _values(event):
            write_line(f"            {visible(line)}")


def _values(event: EventRow) -> Iterator[str]:
    """The values of an update; what came or went whole is not told value by value."""
    if event.action == "update":
        for change in event.changes:
            yield f"{change.attribute}: {change.previous_value} → {change.current_value}"


def _question(question: str, command: Sequence[str], data: Path) -> None:
    write_line(_bold(f"\n{question}"))
    write_line(_faint(f"$ {_command(command, data)}"))


def _say_what_next(data: Path) -> None:
    write_line(_bold("\nEverything is in one folder; delete it whenever you like:"))
    write_line(f"  {visible(str(data))}")
    write_line(_bold("Try also:"))
    for command in (["state", "orders", "1"], ["blame", "products_master", "1"], ["rebuild"]):
        write_line(_faint(f"$ {_command(command, data)}"))


def _command(command: Sequence[str], data: Path) -> str:
    return visible(shlex.join(["byline", *command, "--data", str(data)]))


def _stage(name: str, told: str) -> None:
    write_line(f"  {name:<20}{told}")


def _bold(text: str) -> str:
    return typer.style(text, bold=True) if on_terminal() else text


def _faint(text: str) -> str:
    return typer.style(text, dim=True) if on_terminal() else text
