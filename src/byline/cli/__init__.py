"""The command line. Each module here holds a group of commands; ``app`` names them, and this turns errors into one line
and a status.

Statuses: 0 done, 1 the answer is no, 2 the call is wrong, 3 something needed is not reachable; 130 after Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from typer.main import get_command

from byline.cli.app import app
from byline.cli.output import flush, note
from byline.cli.signals import INTERRUPTED
from byline.cli.stores import NothingRecorded
from byline.errors import BylineError, Unreachable, UsageError

__all__ = ["app", "main", "run"]


def main() -> None:
    """The console script ``byline``."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; gives its status. What it could not do is told in one line on standard error."""
    try:
        status = _run(arguments)
        flush()
    except typer.Exit as stopped:
        return stopped.exit_code
    return status


def _run(arguments: Sequence[str]) -> int:
    try:
        result = get_command(app).main(args=list(arguments), prog_name="byline", standalone_mode=False)
    except typer.TyperException as wrong:
        note(f"byline: {wrong.format_message()}")
        return wrong.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except NothingRecorded as nothing:
        note(_sentence(nothing))
        return 0
    except BylineError as error:
        note(f"byline: {_sentence(error)}")
        return 2 if isinstance(error, UsageError) else 3 if isinstance(error, Unreachable) else 1
    return result if isinstance(result, int) else 0


def _sentence(error: BylineError) -> str:
    """What went wrong, and what to do next, on one line."""
    message = str(error).rstrip(".")
    hint = error.hint[:1].upper() + error.hint[1:]
    return f"{message}. {hint}" if hint else f"{message}."
