"""Objects as streams of lines.

A ``.json`` object is one document, however many lines it is printed on; anything else is read as NDJSON, one event a
line. ``.gz`` and ``.zst`` behind that tell the compression. A name with no ending that we know (Amazon Data Firehose
writes such) is plain NDJSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from byline.bucket.keys import suffix_of
from byline.errors import Reason
from byline.processor.inflate import BadCompression, Compression, inflate

MAX_EVENT = 8 << 20
"""Bytes of one event, inflated (DESIGN §3)."""

KEPT_RAW = 64 << 10
"""Bytes of a broken line that its dead letter keeps."""

_BOM = b"\xef\xbb\xbf"
_WHITE = b" \t\r\n"
_BLANK_LINES = re.compile(rb"[ \t\r\n]*\n")


class Form(Struct, frozen=True):
    """How an object is to be read."""

    document: bool
    """The whole object is one event."""
    compression: Compression


class Line(Struct, frozen=True, gc=False):
    """One line that is not blank, without its line end."""

    number: int
    """Counted from 1; blank lines count."""
    offset: int
    """Of its first byte in the inflated stream."""
    data: bytes


class Problem(Struct, frozen=True, kw_only=True, gc=False):
    """Something that is not a line that could be held."""

    line: int | None
    """``None`` where the whole object is the trouble."""
    reason: Reason
    detail: str
    offset: int
    size: int
    raw: bytes = b""
    """The first 64 KiB."""


def form_of(key: str) -> Form:
    """Told by the key alone, so that the same object is always read the same way."""
    suffix = suffix_of(key)
    document = suffix is not None and suffix.format == "json"
    compression: Compression = "gzip" if key.endswith(".gz") else "zstd" if key.endswith(".zst") else "plain"
    return Form(document=document, compression=compression)


def read_lines(chunks: Iterable[bytes], form: Form) -> Iterator[Line | Problem]:
    """Yield the object's lines in order, holding one line at a time.

    A line longer than :data:`MAX_EVENT` is skipped without being held and comes as a problem of its own; a compressed
    stream that breaks off ends with a problem of the object, behind the lines that were whole."""
    splitter = _Splitter(whole=form.document)
    try:
        for chunk in inflate(chunks, form.compression):
            yield from splitter.feed(chunk)
    except BadCompression as error:
        yield splitter.broken(str(error))
    else:
        yield from splitter.end()


class _Splitter:
    """Cuts a stream at its line ends; with ``whole`` nowhere, which makes the stream one line."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._number = 1
        self._start = 0
        self._size = 0
        self._held = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Line | Problem]:
        begin = 0
        if not self._whole:
            while (end := chunk.find(b"\n", begin)) >= 0:
                if not self._size and chunk[begin] in _WHITE and (blank := _BLANK_LINES.match(chunk, begin)):
                    begin = self._pass_over(chunk, begin, blank.end())
                    continue
                line = self._cut(chunk[begin:end])
                if line is not None:
                    yield line
                begin = end + 1
        self._hold(chunk[begin:])

    def end(self) -> Iterator[Line | Problem]:
        size = self._size
        line = self._cut(b"")
        if line is not None:
            yield line
        elif self._whole:
            yield Problem(line=1, reason="invalid_json", detail="the object is empty", offset=0, size=size)

    def broken(self, detail: str) -> Problem:
        """The object's own trouble: what was held of an unfinished line goes with it."""
        return Problem(
            line=None,
            reason="bad_compression",
            detail=f"{detail}, {self._start + self._size} bytes into the inflated stream",
            offset=self._start,
            size=self._size,
            raw=bytes(self._held[:KEPT_RAW]),
        )

    def _pass_over(self, chunk: bytes, begin: int, end: int) -> int:
        """Any number of blank lines in one step: a small object may inflate to very many."""
        self._number += chunk.count(b"\n", begin, end)
        self._start += end - begin
        return end

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= MAX_EVENT:
            self._held += piece
        else:
            # Too large already: only its beginning is kept from here on.
            self._held += piece[:KEPT_RAW]
            del self._held[KEPT_RAW:]

    def _cut(self, piece: bytes) -> Line | Problem | None:
        """End the line with ``piece`` and begin the next; ``None`` where it is blank."""
        if self._size or len(piece) > MAX_EVENT:
            self._hold(piece)
            size, data = self._size, bytes(self._held)
            self._size = 0
            self._held.clear()
        else:
            size, data = len(piece), piece
        number, offset = self._number, self._start
        self._number += 1
        self._start += size + 1
        return self._line(number, offset, data) if size <= MAX_EVENT else _too_large(number, offset, size, data)

    def _line(self, number: int, offset: int, data: bytes) -> Line | None:
        if offset == 0 and data.startswith(_BOM):
            data, offset = data[len(_BOM) :], len(_BOM)
        if self._whole:
            stripped = data.lstrip()
            offset, data = offset + len(data) - len(stripped), stripped.rstrip()
        elif data.endswith(b"\r"):
            data = data[:-1]
        if not data or data.isspace():
            return None
        return Line(number, offset, data)


def _too_large(number: int, offset: int, size: int, data: bytes) -> Problem:
    detail = f"the event takes {size} bytes; at most {MAX_EVENT} are read"
    return Problem(line=number, reason="too_large", detail=detail, offset=offset, size=size, raw=data[:KEPT_RAW])
