"""Where answers go: tables to a terminal, plain tab-separated text to a pipe, JSON lines to whoever asks for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import msgspec
import typer

from byline.cli.text import safe_json, shortened, visible
from byline.model.jsontext import encode_number

_ROWS_OF_A_TABLE = 500
_CELL = 400
"""Characters of a cell on a terminal; a pipe and JSON get all of it."""

_CLOSED_PIPE = 141
"""What a shell shows for a program that SIGPIPE ended."""

_encoder = msgspec.json.Encoder(enc_hook=encode_number)

Cell = str | None


def on_terminal() -> bool:
    """Whether a person reads along."""
    return sys.stdout.isatty()


def write(data: bytes) -> None:
    """Exactly these bytes to standard output. Where the reader has gone (``| head``), the command ends without a
    word."""
    try:
        sys.stdout.buffer.write(data)
    except BrokenPipeError:
        _give_up_on_output()


def flush() -> None:
    """What was written reaches its reader now; see :func:`write`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_on_output()


def _give_up_on_output() -> None:
    # Python flushes standard output once more as it ends, and must not find the pipe again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(_CLOSED_PIPE)


def write_line(text: str) -> None:
    """A line of our own words and of :func:`~byline.cli.text.visible` text."""
    write(text.encode("utf-8", "backslashreplace") + b"\n")


def note(text: str) -> None:
    """A line to standard error."""
    sys.stderr.write(f"{visible(text)}\n")
    sys.stderr.flush()


def json_text(value: Any) -> str:
    """One JSON document; numbers as their tokens."""
    return safe_json(_encoder.encode(value).decode())


def write_json(value: Any) -> None:
    """One object, on one line."""
    write_line(json_text(value))


def write_json_lines(values: Iterable[Any]) -> None:
    """Each on its line, as it comes."""
    for value in values:
        write_json(value)


def write_table(headers: Sequence[str], rows: Iterable[Sequence[Cell]], *, empty: str) -> None:
    """Rows under headers. ``empty`` is what a person is told where there are none."""
    left = iter(rows)
    first = list(islice(left, _ROWS_OF_A_TABLE))
    if not first:
        note(empty)
    elif on_terminal():
        _write_tables(headers, first, left)
    else:
        _write_tabbed(headers, first, left)


def _write_tabbed(headers: Sequence[str], first: Iterable[Sequence[Cell]], left: Iterable[Sequence[Cell]]) -> None:
    write_line("\t".join(headers))
    for some in (first, left):
        for row in some:
            write_line("\t".join(visible(cell or "") for cell in row))


def _write_tables(headers: Sequence[str], first: list[Sequence[Cell]], left: Iterator[Sequence[Cell]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    rows = first
    while rows:
        table = Table(*headers, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            # A Text is shown as it is: stored text has no markup that could be obeyed.
            table.add_row(*(Text(shortened(visible(cell or ""), _CELL), overflow="fold") for cell in row))
        console.print(table)
        rows = list(islice(left, _ROWS_OF_A_TABLE))


def _unseen(_done: int, _total: int | None, _words: str) -> None:
    """Nobody looks."""


@contextmanager
def progress_bar(what: str) -> Generator[Callable[[int, int | None, str], None]]:
    """A bar on standard error, if that is a terminal: call it with done, total (``None``: unknown) and some words."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.fields[words]}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, words="")
        yield lambda done, total, words: progress.update(task, completed=done, total=total, words=words)
