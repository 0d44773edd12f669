"""Logs as lines of JSON, each with the id of the Lambda request in hand."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from byline.aws.context import Context
from byline.errors import BylineError

_request_id: ContextVar[str | None] = ContextVar("aws_request_id", default=None)


def begin(context: Context) -> None:
    """From here on every line carries this request's id."""
    _request_id.set(context.aws_request_id)


def install(stream: TextIO | None = None) -> None:
    """Write what is logged as JSON, instead of what Lambda's own handler would write. Is idempotent."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("mangum", "botocore", "boto3", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def write(line: dict[str, object]) -> None:
    """One line of JSON that is no log record, to where they go."""
    print(json.dumps(line, separators=(",", ":"), default=str), flush=True)  # noqa: T201 - that is how Lambda takes it


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": _request_id.get(),
        }
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BylineError) and error.hint:
            line["hint"] = error.hint
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)
