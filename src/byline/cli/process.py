"""``byline process``: take announced objects into the history."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from byline.cli.options import DataOption, JsonOption
from byline.cli.output import progress_bar, write_json, write_line
from byline.cli.signals import stopping
from byline.cli.stores import stores
from byline.history.port import Counts
from byline.processor.processor import Processor


def process(
    follow: Annotated[bool, typer.Option("--follow", help="Go on for ever: wait for more, until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Take announced objects until none is left; print counts."""
    logging.basicConfig(format="byline: %(message)s", level=logging.WARNING)
    with stores(data) as opened, stopping() as stop:
        processor = Processor(opened.bucket, opened.queue, opened.writable_history)
        with progress_bar("Taking") as bar:
            counts = processor.run(
                follow=follow, stop=stop, progress=lambda so_far: bar(so_far.objects, None, in_words(so_far))
            )
    if as_json:
        write_json(counts)
    else:
        write_line(in_words(counts))
        if counts.dead_letters:
            write_line("`byline dead-letters` shows what could not be taken, and why.")
    stop.end()


def in_words(counts: Counts) -> str:
    """Such as ``3 objects, 7 events, 12 changes, 0 duplicates, 1 dead letter``."""
    parts = (
        (counts.objects, "object"),
        (counts.events, "event"),
        (counts.changes, "change"),
        (counts.duplicates, "duplicate"),
    )
    letters = (counts.dead_letters, "dead letter")
    return ", ".join(f"{number:,} {word}{'' if number == 1 else 's'}" for number, word in (*parts, letters))
