"""``byline ship``: empty a spool folder from outside the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from byline.cli.options import DataOption, JsonOption
from byline.cli.output import note, write_json, write_line
from byline.errors import BylineError, UsageError
from byline.settings import Settings


def ship(
    spool: Annotated[
        Path | None,
        typer.Option("--spool", metavar="DIR", help="The folder (else BYLINE_SPOOL, else spool in --data)."),
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Ship a spool folder from outside the service. Status 1 if something is left in it, such as what a running service
    has in hand."""
    from byline.capture.ship import ship_folder

    settings = Settings.load(data)
    if spool is not None and not spool.is_dir():
        raise UsageError(f"there is no folder {spool}", hint="Nothing was shipped.")
    shipped = ship_folder(spool if spool is not None else settings.spool, settings)
    counts = {"objects": shipped.objects, "events": shipped.events, "torn": shipped.torn, "left": shipped.left}
    if as_json:
        write_json(counts)
    else:
        write_line("\t".join(f"{count} {name}" for name, count in counts.items()))
    if isinstance(shipped.error, BylineError):
        raise shipped.error
    if shipped.error is not None:
        note(f"byline: something could not be shipped: {shipped.error}")
    if shipped.left:
        raise typer.Exit(1)
