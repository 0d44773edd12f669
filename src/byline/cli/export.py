"""``byline export``: changes as a file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from byline.cli import filters
from byline.cli.options import DataOption
from byline.cli.output import note, on_terminal, progress_bar, write
from byline.cli.stores import stores
from byline.errors import Unreachable, UsageError
from byline.model.query import ChangeRow, Query
from byline.processor.export import csv_lines, ndjson_lines
from byline.processor.export import rows as exported

Format = Literal["csv", "ndjson", "parquet"]
Progress = Callable[[int, int | None, str], None]

_LINES = {"csv": csv_lines, "ndjson": ndjson_lines}
_CHUNK = 1 << 16
_TELL_EVERY = 5_000


def export(  # noqa: PLR0913, PLR0917  # every filter is an option
    table_id: filters.TableId = None,
    entity_id: filters.EntityId = None,
    microservice_name: filters.Service = None,
    action: filters.ActionIs = None,
    request_id: filters.RequestId = None,
    account_id: filters.AccountId = None,
    user_id: filters.UserId = None,
    user_email: filters.UserEmail = None,
    ip_address: filters.IpAddress = None,
    attribute: filters.Attribute = None,
    previous_value: filters.PreviousValue = None,
    current_value: filters.CurrentValue = None,
    from_: filters.From = None,
    to: filters.To = None,
    order: filters.OrderIs = "newest",
    format: Annotated[Format, typer.Option("--format", help="The kind of file.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write (else standard output).")
    ] = None,
    data: DataOption = None,
) -> None:
    """Every change that meets the filters, as a file. A file is there whole, or not at all."""
    query = Query(
        table_id=table_id,
        entity_id=entity_id,
        microservice_name=microservice_name,
        action=action,
        request_id=request_id,
        account_id=account_id,
        user_id=user_id,
        user_email=user_email,
        ip_address=ip_address,
        attribute=attribute,
        previous_value=previous_value,
        current_value=current_value,
        from_=from_,
        to=to,
        order=order,
    )
    with stores(data) as opened:
        rows = exported(opened.reader, query)
        if output is None:
            _to_standard_output(rows, format)
        else:
            with progress_bar("Exporting") as bar, _whole(output) as file:
                _write(_told(rows, bar), format, file)


def _to_standard_output(rows: Iterator[ChangeRow], format: Format) -> None:
    if format == "parquet":
        raise UsageError("a Parquet file needs a place", hint="Name it: byline export --format parquet -o FILE.")
    if on_terminal() and format == "csv":
        note("(-o FILE writes it into a file.)")
    for chunk in _together(_LINES[format](rows)):
        write(chunk)


def _write(rows: Iterator[ChangeRow], format: Format, file: BinaryIO) -> None:
    if format == "parquet":
        from byline.cli.parquet import write_parquet

        write_parquet(rows, file)
        return
    file.writelines(_together(_LINES[format](rows)))


def _together(lines: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for line in lines:
        held += line
        if len(held) >= _CHUNK:
            yield bytes(held)
            held.clear()
    yield bytes(held)


def _told(rows: Iterator[ChangeRow], bar: Progress) -> Iterator[ChangeRow]:
    for number, row in enumerate(rows, start=1):
        yield row
        if number % _TELL_EVERY == 0:
            bar(number, None, f"{number:,} changes")


@contextmanager
def _whole(path: Path) -> Generator[BinaryIO]:
    """A file that takes the place of ``path`` once all of it is on the disk; until then what was there stays."""
    if not path.name:
        raise UsageError(f"{path} is a folder", hint="Name a file in it: -o FILE.")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        hint = "Name a file in a folder that can be written and has room."
        raise Unreachable(f"cannot write {path}: {error.strerror or error}", hint=hint) from error
    finally:
        temporary.unlink(missing_ok=True)
