"""The dead letters that the history keeps, and their dismissals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select

from byline.history import tables
from byline.history.engine import Database
from byline.history.packing import moment, time_of
from byline.history.port import DeadLetter, ObjectPart

_LETTERS = tables.dead_letters
_DISMISSALS = tables.dismissals
_PAGE = 500


def store_letters(connection: Connection, parts: Sequence[ObjectPart], conflicts: Iterable[DeadLetter]) -> int:
    """Settle the lines of these parts: what is no trouble any more goes, what is trouble stays or comes. Says how many
    came."""
    letters = {letter.id: letter for part in parts for letter in part.dead_letters}
    letters.update((letter.id, letter) for letter in conflicts)
    known: set[str] = set()
    for part in parts:
        known.update(connection.scalars(select(_LETTERS.c.id).where(_settled_by(part))))
    return _replace(connection, known, letters)


def _replace(connection: Connection, settled: set[str], letters: Mapping[str, DeadLetter]) -> int:
    """These letters instead of those that were settled. Says how many are new."""
    ids = list(letters)
    known = set(settled)
    for start in range(0, len(ids), _PAGE):
        known.update(connection.scalars(select(_LETTERS.c.id).where(_LETTERS.c.id.in_(ids[start : start + _PAGE]))))
    gone = sorted(known)
    for start in range(0, len(gone), _PAGE):
        connection.execute(delete(_LETTERS).where(_LETTERS.c.id.in_(gone[start : start + _PAGE])))
    if letters:
        connection.execute(insert(_LETTERS), [_row(letters[id]) for id in sorted(letters)])
    return sum(id not in known for id in letters)


def _settled_by(part: ObjectPart) -> ColumnElement[bool]:
    lines: ColumnElement[bool] = _LETTERS.c.line.between(part.first_line, part.last_line)
    if part.complete:
        lines |= _LETTERS.c.line.is_(None)
        lines |= _LETTERS.c.line > part.last_line
    return (_LETTERS.c.object_key == part.key) & lines


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "object_key": letter.key,
        "line": letter.line,
        "reason": letter.reason,
        "detail": letter.detail,
        "received_at": moment(letter.received_at),
        "line_offset": letter.offset,
        "size": letter.size,
        "raw": letter.raw,
    }


class SqlDeadLetters:
    """:class:`byline.history.port.DeadLetters` on SQL."""

    def __init__(self, writing: Database, reading: Database) -> None:
        self._writing = writing
        self._reading = reading

    def list(self, *, limit: int = 0, dismissed: bool = False) -> Iterator[DeadLetter]:
        shown = 0
        after: tuple[int, str] | None = None
        while not limit or shown < limit:
            page = self._page(after, min(_PAGE, limit - shown) if limit else _PAGE, dismissed=dismissed)
            yield from page
            if not page:
                return
            shown += len(page)
            after = (moment(page[-1].received_at), page[-1].id)

    def get(self, id: str) -> DeadLetter | None:
        if not id.isascii():  # no letter is called so, and not all of it can be asked for
            return None
        with self._reading.transaction() as connection:
            row = connection.execute(_select(raw=True).where(_LETTERS.c.id == id)).first()
        return None if row is None else _letter(row)

    def add(self, letter: DeadLetter) -> None:
        def work() -> None:
            with self._writing.transaction() as connection:
                _replace(connection, set(), {letter.id: letter})

        self._writing.attempt(work)

    def dismiss(self, id: str, because: str, *, by: str, at: datetime) -> None:
        def work() -> None:
            with self._writing.transaction() as connection:
                known = connection.scalar(select(_DISMISSALS.c.id).where(_DISMISSALS.c.id == id))
                if known is None:
                    row = {"id": id, "because": because, "dismissed_by": by, "dismissed_at": moment(at)}
                    connection.execute(insert(_DISMISSALS), row)

        self._writing.attempt(work)

    def _page(self, after: tuple[int, str] | None, limit: int, *, dismissed: bool) -> Sequence[DeadLetter]:
        wanted = _select(raw=False).order_by(_LETTERS.c.received_at.desc(), _LETTERS.c.id.desc()).limit(limit)
        if not dismissed:
            wanted = wanted.where(_DISMISSALS.c.id.is_(None))
        if after is not None:
            at, id = after
            wanted = wanted.where(
                (_LETTERS.c.received_at < at) | ((_LETTERS.c.received_at == at) & (_LETTERS.c.id < id))
            )
        with self._reading.transaction() as connection:
            return [_letter(row) for row in connection.execute(wanted)]


def _select(*, raw: bool) -> Select[Any]:
    columns = [column for column in _LETTERS.c if raw or column.name != "raw"]
    joined = _LETTERS.outerjoin(_DISMISSALS, _DISMISSALS.c.id == _LETTERS.c.id)
    return select(*columns, _DISMISSALS.c.because).select_from(joined)


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        key=row.object_key,
        line=row.line,
        reason=row.reason,
        detail=row.detail,
        received_at=time_of(row.received_at),
        offset=row.line_offset,
        size=row.size,
        raw=getattr(row, "raw", b""),
        dismissed_because=row.because,
    )
