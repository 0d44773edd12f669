"""Options that several commands share."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from byline.model.timestamp import parse_time as parse_rfc_3339

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="FOLDER", help="Where bucket, queue and history live (else BYLINE_DATA, else ./byline-data)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Rows to show; 0: all.")]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_time(text: str) -> datetime:
    """RFC 3339, or a date (its first moment); without a zone: UTC."""
    try:
        return parse_rfc_3339(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2020-07-29T19:45:00Z or 2020-07-29.") from None


AtOption = Annotated[
    datetime | None,
    typer.Option(
        "--at", parser=parse_time, metavar="TIME", help="As it was then: RFC 3339 or a date (UTC). Else: as it is."
    ),
]
