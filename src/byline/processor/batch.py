"""What one transaction takes: many small objects together, a large one in several parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from byline.bucket.port import ObjectInfo
from byline.errors import Rejected
from byline.history.port import Counts, DeadLetter, Entry, ObjectPart, Writer
from byline.processor.entry import entry, line_letter, problem_letter
from byline.processor.lines import Line, Problem, form_of, read_lines

MAX_EVENTS = 2_000
"""Events, and dead letters, of one transaction."""

MAX_BYTES = 8 << 20
"""Bytes of one transaction's lines; a single line may go beyond."""


class NotTaken(Exception):
    """The history did not take a batch; the cause says why. Nothing of the batch was stored, whichever object it came
    from."""


class Batch:
    """Collects objects and stores them through the writer whenever enough is together, and at :meth:`flush`.

    ``committed`` hears what each transaction came to. Where reading an object fails half-way, the lines of its
    unfinished part are dropped; the parts before it stay, which does no harm: the object is not whole, and is read
    again from its beginning."""

    def __init__(self, writer: Writer, committed: Callable[[Counts], None]) -> None:
        self._writer = writer
        self._committed = committed
        self._parts: list[ObjectPart] = []
        self._events = 0
        self._bytes = 0

    def add(self, info: ObjectInfo, chunks: Iterable[bytes]) -> None:
        """Read an object to its end. Raises :class:`NotTaken`, and whatever reading ``chunks`` raises."""
        part = _Part(info)
        for line in read_lines(chunks, form_of(info.key)):
            if self._is_full(part.events, part.bytes):
                self._close(part, complete=False)
                self.flush()
                part = _Part(info, first_line=part.last_line + 1)
            part.add(line)
        self._close(part, complete=True)
        if self._is_full(0, 0):
            self.flush()

    def flush(self) -> None:
        """Store what is there, in one transaction. Raises :class:`NotTaken`; the batch is empty afterwards either
        way."""
        parts, self._parts, self._events, self._bytes = self._parts, [], 0, 0
        if not parts:
            return
        try:
            counts = self._writer.take(parts)
        except Exception as error:
            raise NotTaken from error
        self._committed(counts)

    def _close(self, part: _Part, *, complete: bool) -> None:
        self._parts.append(part.closed(complete=complete))
        # An object without events is a row too.
        self._events += max(1, part.events)
        self._bytes += part.bytes

    def _is_full(self, events: int, size: int) -> bool:
        return self._events + events >= MAX_EVENTS or self._bytes + size >= MAX_BYTES


class _Part:
    """A run of an object's lines, while they come."""

    def __init__(self, info: ObjectInfo, first_line: int = 1) -> None:
        self._info = info
        self._first_line = first_line
        self._entries: list[Entry] = []
        self._letters: list[DeadLetter] = []
        self.last_line = first_line - 1
        self.bytes = 0

    @property
    def events(self) -> int:
        return len(self._entries) + len(self._letters)

    @property
    def _written_at(self) -> datetime:
        return self._info.last_modified

    def add(self, line: Line | Problem) -> None:
        key = self._info.key
        if isinstance(line, Problem):
            self._letters.append(problem_letter(line, key, self._written_at))
            self.last_line = line.line or self.last_line
            self.bytes += len(line.raw)
            return
        try:
            self._entries.append(entry(line, key))
        except Rejected as rejected:
            self._letters.append(line_letter(line, key, rejected, self._written_at))
        self.last_line = line.number
        self.bytes += len(line.data)

    def closed(self, *, complete: bool) -> ObjectPart:
        return ObjectPart(
            key=self._info.key,
            size=self._info.size,
            first_line=self._first_line,
            last_line=self.last_line,
            entries=self._entries,
            dead_letters=self._letters,
            complete=complete,
            received_at=self._written_at,
        )
