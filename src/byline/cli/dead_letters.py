"""``byline dead-letters``: what could not be taken, and what to do about it."""

from __future__ import annotations

import base64
import os
import pwd
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from byline.cli.options import DataOption, JsonOption, LimitOption
from byline.cli.output import write_json, write_json_lines, write_line, write_table
from byline.cli.show import write_raw
from byline.cli.stores import Stores, stores
from byline.cli.text import visible, visible_lines
from byline.errors import UsageError
from byline.history.port import DeadLetter
from byline.processor.dead_letters import DeadLetterBox

app = typer.Typer(help="What could not be taken: list, show, replay, dismiss.", rich_markup_mode=None)

Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="As `byline dead-letters` lists them.")]
DismissedOption = Annotated[bool, typer.Option("--dismissed", help="Those that were dismissed, too.")]

_HEADERS = ("id", "received", "reason", "detail", "line", "object")
_SHOWN = 4_000
"""Bytes of a broken line that a description shows."""


@app.callback(invoke_without_command=True)
def dead_letters(
    context: typer.Context,
    as_json: JsonOption = False,
    limit: LimitOption = 50,
    dismissed: DismissedOption = False,
    data: DataOption = None,
) -> None:
    """What could not be taken, and why. Without a command: list."""
    if context.invoked_subcommand is None:
        _list(data, as_json=as_json, limit=limit, dismissed=dismissed)
    elif as_json or dismissed or data is not None:
        raise UsageError(
            "options of dead-letters stand behind its command", hint="Such as: byline dead-letters list --json."
        )


@app.command("list")
def list_(
    as_json: JsonOption = False, limit: LimitOption = 50, dismissed: DismissedOption = False, data: DataOption = None
) -> None:
    """List them, newest first."""
    _list(data, as_json=as_json, limit=limit, dismissed=dismissed)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="As `byline dead-letters` lists it.")],
    raw: Annotated[bool, typer.Option("--raw", help="Only the broken bytes.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """One of them, with the bytes that are the trouble."""
    with stores(data) as opened:
        box = _box(opened)
        letter = box.get(id)
        if raw:
            for chunk in box.raw(letter):
                write_raw(chunk)
        elif as_json:
            write_json({**_shape(letter), **_trouble(letter, b"".join(box.raw(letter)))})
        else:
            _describe(letter, box)


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="As `byline dead-letters` lists them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Read their objects again; status 1 if any is refused again."""
    if bool(ids) == everything:
        raise UsageError("name dead letters, or --all, not both", hint="`byline dead-letters` lists them.")
    refused = 0
    with stores(data) as opened:
        box = _box(opened)
        for outcome in box.replay(ids or [letter.id for letter in box.letters()]):
            refused += not outcome.accepted
            reason, detail = (outcome.letter.reason, outcome.letter.detail) if outcome.letter else (None, None)
            if as_json:
                write_json({"id": outcome.id, "accepted": outcome.accepted, "reason": reason, "detail": detail})
            else:
                write_line(
                    f"{outcome.id}\t{'accepted' if outcome.accepted else visible(f'refused: {reason}: {detail}')}"
                )
    if refused:
        raise typer.Exit(1)


@app.command()
def dismiss(
    ids: Ids,
    because: Annotated[str, typer.Option("--because", help="Why they need no more attention; it is kept.")],
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Decide that they need no more attention."""
    with stores(data) as opened:
        box = _box(opened)
        for id in ids:
            holds = box.dismiss(id, because, by=_user(), at=datetime.now(UTC))
            if as_json:
                write_json({"id": id, "because": holds.because, "by": holds.by, "at": holds.at})
            else:
                write_line(f"{visible(id)}\tdismissed by {visible(holds.by)}: {visible(holds.because)}")


def _box(opened: Stores) -> DeadLetterBox:
    return DeadLetterBox(opened.bucket, opened.queue, opened.existing_history)


def _list(data: Path | None, *, as_json: bool, limit: int, dismissed: bool) -> None:
    with stores(data) as opened:
        letters = _box(opened).letters(limit=limit, dismissed=dismissed)
        if as_json:
            write_json_lines(map(_shape, letters))
        else:
            write_table(_HEADERS, _rows(letters), empty="No dead letters.")


def _rows(letters: Iterator[DeadLetter]) -> Iterator[list[str]]:
    for letter in letters:
        detail = (
            f"{letter.detail} (dismissed: {letter.dismissed_because})" if letter.dismissed_because else letter.detail
        )
        line = "" if letter.line is None else str(letter.line)
        yield [letter.id, _time(letter.received_at), letter.reason, detail, line, letter.key]


def _shape(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "key": letter.key,
        "line": letter.line,
        "reason": letter.reason,
        "detail": letter.detail,
        "received_at": letter.received_at,
    }


def _trouble(letter: DeadLetter, raw: bytes) -> dict[str, Any]:
    """``raw`` where the bytes are text, else ``raw_base64``."""
    try:
        shown = {"raw": raw.decode()}
    except UnicodeDecodeError:
        shown = {"raw_base64": base64.b64encode(raw).decode()}
    return {"offset": letter.offset, "size": letter.size, "dismissed_because": letter.dismissed_because, **shown}


def _describe(letter: DeadLetter, box: DeadLetterBox) -> None:
    facts = [
        ("id", letter.id),
        ("object", letter.key),
        ("line", None if letter.line is None else str(letter.line)),
        ("reason", letter.reason),
        ("detail", letter.detail),
        ("received", _time(letter.received_at)),
        ("offset", None if letter.offset is None else str(letter.offset)),
        ("bytes", None if letter.size is None else str(letter.size)),
        ("dismissed", letter.dismissed_because),
    ]
    for name, fact in facts:
        if fact:
            write_line(f"{name}\t{visible(fact)}".expandtabs(16))
    start = next(box.raw(letter), b"")
    if start:
        write_line("")
        write_line(visible_lines(start[:_SHOWN].decode("utf-8", "backslashreplace")))
    if (letter.size or 0) > _SHOWN:
        write_line(f"… {letter.size} bytes in all; --raw gives them.")


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _user() -> str:
    """The account that this runs under, as the system knows it; the environment could say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
