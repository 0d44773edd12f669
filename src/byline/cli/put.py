"""``byline put``: lay event files into the bucket."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from byline.cli.options import DataOption, JsonOption
from byline.cli.output import on_terminal, progress_bar, write_json, write_line
from byline.cli.stores import stores
from byline.cli.text import visible
from byline.errors import UsageError
from byline.processor.put import Laid
from byline.processor.put import put as lay


def put(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE… | -", help="Event files: JSON or NDJSON, plain, gzip or zstd. -: standard input."
        ),
    ],
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Lay event files into the bucket, as they are, and announce them."""
    for file in files:
        if file != "-" and not Path(file).exists():
            raise UsageError(f"there is no file {file}", hint="Nothing was put.")
    with stores(data) as opened, progress_bar("Reading") as bar:
        for number, file in enumerate(files):
            bar(number, len(files), visible(file))
            source = sys.stdin.buffer if file == "-" else Path(file)
            laid = lay(opened.bucket, opened.queue, source)
            _print(file, laid, as_json=as_json)


def _print(file: str, laid: Laid, *, as_json: bool) -> None:
    if as_json:
        write_json({"file": file.encode("utf-8", "backslashreplace").decode(), "key": laid.key})
    elif on_terminal():
        write_line(f"{laid.key} {'' if laid.new else '(was there already)'}".rstrip())
    else:
        write_line(f"{visible(file)}\t{laid.key}\t{'new' if laid.new else 'known'}")
