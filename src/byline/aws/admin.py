"""What a person or a schedule asks of the stack: commands of the command line, sweeps, partitions made ahead.

``{"command": ["doctor"]}`` runs ``byline doctor``, and answers with its status and what it said; ``{"task": "sweep"}``
announces objects that were never taken; ``{"task": "partitions"}`` makes the months ahead. An event of a schedule does
both tasks."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO, Any

from byline.aws import answers, logs, stores
from byline.aws.context import Context
from byline.aws.sweeping import sweep
from byline.errors import UsageError

logs.install()

_log = logging.getLogger("byline.admin")

COMMANDS = ("dead-letters", "doctor", "export", "migrate", "rebuild")
"""What may be run."""

SPARE = 15.0
"""Seconds before Lambda's deadline at which a command is stopped: what it said is still to be told."""
_LONGEST_SAID = 1_000_000
"""Bytes of what a command said that go into the answer; more is laid into the bucket."""
_TEXT = {"content-type": "text/plain; charset=utf-8"}

_RUN = "import json, sys; sys.path[:0] = json.loads(sys.argv.pop(1)); from byline.cli import main; main()"


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Do what the event asks for. Raises :class:`~byline.errors.UsageError` for anything else."""
    logs.begin(context)
    match event:
        case {"command": [str(name), *arguments]} if name in COMMANDS and _texts(arguments):
            return run([name, *arguments], context)
        case {"task": "sweep", "after": str(after)}:
            return sweep(context, after)
        case {"task": "sweep"}:
            return sweep(context)
        case {"task": "partitions"}:
            return partitions()
        case {"source": "aws.events" | "aws.scheduler"}:
            return {"partitions": partitions(), "sweep": sweep(context)}
    commands = ", ".join(COMMANDS)
    hint = f'Send {{"command": ["doctor"]}} (one of {commands}), {{"task": "sweep"}} or {{"task": "partitions"}}.'
    raise UsageError(f"this function does not know what to do. {hint}", hint=hint)


def run(arguments: Sequence[str], context: Context) -> dict[str, Any]:
    """One command line, in a process of its own that ends before this one would be ended."""
    seconds = max(0.0, context.get_remaining_time_in_millis() / 1000 - SPARE)
    command = [sys.executable, "-c", _RUN, json.dumps(sys.path), *arguments]
    with TemporaryFile() as out, TemporaryFile() as errors:  # an export may be larger than memory
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            _log.error("byline %s was stopped: it took more than %.0f s", arguments[0], seconds)
            ended: dict[str, Any] = {"status": None, "stopped_after": seconds}
        else:
            _log.info("byline %s ended with status %d", arguments[0], done.returncode)
            ended = {"status": done.returncode}
        return {"command": list(arguments), **ended, **_shown(out), "errors": _end_of(errors)}


def partitions() -> dict[str, Any]:
    """Make the months ahead, in a history whose schema is current: to change that is a person's decision."""
    history = stores.history()
    schema = history.reader.health().schema
    history.writer.migrate()
    return {"schema": schema}


def _texts(arguments: Sequence[object]) -> bool:
    return all(isinstance(one, str) for one in arguments)


def _shown(out: IO[bytes]) -> dict[str, str]:
    """What was said; where it is long, its beginning and a link to it."""
    size = out.seek(0, os.SEEK_END)
    out.seek(0)
    if size <= _LONGEST_SAID:
        return {"out": out.read().decode("utf-8", "replace")}
    beginning = out.read(1000).decode("utf-8", "replace")
    out.seek(0)
    return {"out": beginning, "out_url": answers.place().lay(out, "out.txt", _TEXT)}


def _end_of(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _LONGEST_SAID))
    return errors.read().decode("utf-8", "replace")
