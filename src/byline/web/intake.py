"""Events that services send: read line by line, the good ones laid into the bucket and announced, the others told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, Literal, cast

from msgspec import Struct

from byline.bucket.port import Bucket
from byline.errors import Rejected
from byline.model.access import TABLE as READS
from byline.model.codec import decode
from byline.model.event import AuditEvent
from byline.processor.inflate import BadCompression, Compression, inflate
from byline.processor.lines import Form, Line, Problem, read_lines
from byline.processor.put import put
from byline.queue.port import Queue
from byline.web.caller import Caller
from byline.web.params import BadParameters, FieldError
from byline.web.refusals import TooLarge
from byline.web.shapes import LineProblem, Taken

Kind = Literal["json", "ndjson"]

MAX_INFLATED: Final = 128 << 20
"""Bytes of a body once it is inflated, however small it came."""
MAX_LIST: Final = 16 << 20
"""Bytes of a JSON list, which has to be held whole; NDJSON is read line by line."""
SHOWN: Final = 100
"""Problems that an answer tells."""
MAX_REFUSED: Final = 10_000
"""Lines that may be wrong. A few kilobytes inflate to sixty million, and each is looked at: what holds so many is no
body of events."""

_BOM = b"\xef\xbb\xbf"
_IN_MEMORY = 1 << 20
_CHUNK = 256 << 10


class Body(Struct, frozen=True):
    """What was sent, as its headers tell."""

    file: BinaryIO
    kind: Kind
    compression: Compression


def take_in(body: Body, bucket: Bucket, queue: Queue, caller: Caller) -> Taken:
    """Lay the good lines into the bucket and announce them: durable when it returns.

    A body in which every line is good is kept byte for byte, so that sending it twice is one object. Raises
    :class:`~byline.web.params.BadParameters` where no line is good, or the body cannot be read as a whole;
    :class:`~byline.web.refusals.TooLarge` where it inflates to too much."""
    problems: list[LineProblem] = []
    accepted = refused = 0
    with cast("BinaryIO", SpooledTemporaryFile(_IN_MEMORY)) as good:
        for line in _lines(body):
            problem = _problem_of(line, caller)
            if problem is None:
                accepted += 1
                good.write(cast("Line", line).data + b"\n")
            else:
                refused += 1
                problems += [problem] if refused <= SHOWN else []
                if refused > MAX_REFUSED:
                    more = FieldError("body", f"more than {MAX_REFUSED} lines are wrong: nothing of it is kept")
                    raise BadParameters([more, *_errors(problems)])
        if not accepted:
            raise BadParameters(_errors(problems) or [FieldError("body", "holds no event")])
        kept = body.file if not refused and body.kind == "ndjson" else good
        kept.seek(0)
        laid = put(bucket, queue, kept)
    return Taken(accepted=accepted, refused=refused, object=laid.key, problems=problems)


def _lines(body: Body) -> Iterator[Line | Problem]:
    inflated = _bounded(inflate(_chunks(body.file), body.compression))
    if body.kind == "ndjson":
        yield from read_lines(inflated, Form(document=False, compression="plain"))
        return
    try:
        head = next((begun for chunk in inflated if (begun := chunk.lstrip().removeprefix(_BOM).lstrip())), b"")
        if head.startswith(b"["):
            yield from _members(head, inflated)
        else:
            for line in read_lines(_chain(head, inflated), Form(document=True, compression="plain")):
                # A document may be printed on many lines; a line break inside it can only be between two tokens.
                yield Line(1, 0, _on_one_line(line.data)) if isinstance(line, Line) else line
    except BadCompression as error:
        raise BadParameters([FieldError("body", f"cannot be inflated: {error}")]) from None


def _members(head: bytes, rest: Iterator[bytes]) -> Iterator[Line]:
    """The members of a JSON list, each as if it were a line."""
    whole = bytearray(head)
    for chunk in rest:
        whole += chunk
        if len(whole) > MAX_LIST:
            raise TooLarge(MAX_LIST)
    # One character a byte, so that places in the text are places in the body.
    text = whole.decode("latin-1")
    number, at = 0, _skip(text, 1)
    while not (number == 0 and text.startswith("]", at)):
        number += 1
        end = _end_of(text, at)
        yield Line(number, 0, _on_one_line(text[at:end].encode("latin-1")))
        at = _skip(text, end)
        if not text.startswith(",", at):
            break
        at = _skip(text, at + 1)
    if not text.startswith("]", at) or _skip(text, at + 1) != len(text):
        raise BadParameters([FieldError("body", f"is no JSON list: it goes wrong at byte {at}")])


_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _skip(text: str, at: int) -> int:
    """Behind the blanks that stand there."""
    blanks = _SPACE.match(text, at)
    return blanks.end() if blanks else at


def _nothing(_: str) -> None:
    """A number of any length, for whoever only wants to know where it ends."""


_SCANNER: Final = json.JSONDecoder(strict=False, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)


def _end_of(text: str, at: int) -> int:
    """Where the value that begins there ends. Members are found one after the other: a list of sixteen mebibytes may
    hold eight million, and all of them at once would take half a gigabyte."""
    try:
        return _SCANNER.raw_decode(text, at)[1]
    except (ValueError, RecursionError) as error:
        raise BadParameters([FieldError("body", f"is no JSON list: {error}")]) from None


def _problem_of(line: Line | Problem, caller: Caller) -> LineProblem | None:
    """Why a line is not taken; ``None`` where it is good."""
    if isinstance(line, Problem):
        if line.line is None:  # what follows is lost, so the sender has to send all of it again
            raise BadParameters([FieldError("body", f"{line.reason}: {line.detail}")])
        return LineProblem(line.line, line.reason, line.detail)
    try:
        event = decode(line.data, key="", line=line.number)
    except Rejected as rejected:
        return LineProblem(line.number, rejected.reason, rejected.detail)
    if event.table_id == READS:
        return LineProblem(line.number, "invalid_field", f"table_id: {READS} is what Byline records of its readers")
    if not _may_write(caller, event):
        return LineProblem(line.number, "foreign_account", "the event is of another account than the token's")
    return None


def _may_write(caller: Caller, event: AuditEvent) -> bool:
    """A service's token names no account, and writes for all; one that names an account writes for that one."""
    if caller.all_accounts or not caller.account_id:
        return True
    user = event.request_info.user
    owner = event.account_id or (user.account_id if user else None)
    return owner == caller.account_id


def _errors(problems: list[LineProblem]) -> list[FieldError]:
    return [FieldError(f"line {one.line}", f"{one.reason}: {one.detail}") for one in problems]


def _bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_INFLATED:
            raise TooLarge(MAX_INFLATED)
        yield chunk


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _on_one_line(document: bytes) -> bytes:
    return document.replace(b"\r", b" ").replace(b"\n", b" ")
