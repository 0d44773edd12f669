"""``byline rebuild`` and ``byline migrate``: the history from the bucket, and its schema."""

from __future__ import annotations

from typing import Annotated

import typer

from byline.cli.options import DataOption, JsonOption
from byline.cli.output import note, progress_bar, write_json, write_line
from byline.cli.process import in_words
from byline.cli.stores import stores
from byline.processor.rebuild import rebuild as rebuild_history


def rebuild(
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a rebuild that was interrupted: empty nothing.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Empty the history and replay the bucket."""
    with stores(data) as opened, progress_bar("Rebuilding") as bar:
        try:
            done = rebuild_history(
                opened.bucket,
                opened.queue,
                opened.writable_history,
                resume=resume,
                progress=lambda so_far: bar(
                    so_far.objects, so_far.total, f"{so_far.objects:,} of {so_far.total:,} objects"
                ),
            )
        except KeyboardInterrupt:
            note("Interrupted. `byline rebuild --resume` goes on from here.")
            raise
    if as_json:
        write_json(done.counts)
    else:
        write_line(in_words(done.counts))
    if done.announced:
        note(f"{done.announced} objects could not be stored; `byline process` tries them again, one by one.")
        raise typer.Exit(1)


def migrate(data: DataOption = None) -> None:
    """Bring the history's schema up to date."""
    with stores(data) as opened:
        history = opened.writable_history
        history.writer.migrate()
        write_line(f"The history's schema is {history.reader.health().schema}.")
