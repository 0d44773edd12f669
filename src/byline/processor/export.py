"""Changes as files: CSV and NDJSON, line by line, in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import structs

from byline.history.port import Reader
from byline.model.query import ChangeRow, Position, Query

COLUMNS: tuple[str, ...] = ChangeRow.__struct_fields__

_PAGE = 1_000
_LATER_PAGE = 2_000
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BEGINS_A_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection"), full-width forms too."""

_encoder = msgspec.json.Encoder()


def rows(reader: Reader, query: Query) -> Iterator[ChangeRow]:
    """Every change that meets the question, from ``query.after`` on; ``query.limit`` counts for nothing. What is
    recorded meanwhile may or may not be among them."""
    after: Position | None = query.after
    size = _PAGE
    while True:
        page = reader.changes(structs.replace(query, after=after, limit=size))
        yield from page.rows
        after, size = page.next, _LATER_PAGE
        if after is None:
            return


def ndjson_lines(rows: Iterable[ChangeRow]) -> Iterator[bytes]:
    """One JSON object a line, the rows of ``/v1/changes``."""
    for row in rows:
        yield _encoder.encode(row) + b"\n"


def csv_lines(rows: Iterable[ChangeRow]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8, a header first. What is not there is an empty cell, an empty text is ``""``.

    A cell that a spreadsheet would take for a formula begins with an apostrophe instead. A plain number is none,
    whatever its sign."""
    yield ",".join(COLUMNS).encode() + b"\r\n"
    for row in rows:
        yield ",".join(map(_cell, structs.astuple(row))).encode() + b"\r\n"


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    if text.startswith(_BEGINS_A_FORMULA) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'
