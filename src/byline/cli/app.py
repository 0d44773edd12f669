"""The commands and their order in ``byline --help``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from byline._version import __version__
from byline.cli import dead_letters
from byline.cli.answers import history, request, search, user
from byline.cli.demo import demo
from byline.cli.doctor import doctor
from byline.cli.export import export
from byline.cli.output import write_line
from byline.cli.process import process
from byline.cli.put import put
from byline.cli.rebuild import migrate, rebuild
from byline.cli.schema import schema
from byline.cli.serve import serve
from byline.cli.ship import ship
from byline.cli.show import show
from byline.cli.state import blame, state
from byline.cli.undo import undo

app = typer.Typer(
    name="byline",
    help="Who changed what, when, and in which request: the change history of your microservices.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_COMMANDS: tuple[Callable[..., None], ...] = (
    *(demo, serve, put, ship, process),
    *(history, request, user, search, show, state, blame, undo, export),
    *(rebuild, migrate, doctor, schema),
)
for _command in _COMMANDS:
    app.command()(_command)
app.add_typer(dead_letters.app, name="dead-letters")


def _version(asked: bool) -> None:  # typer calls it so
    if asked:
        write_line(f"byline {__version__}")
        raise typer.Exit


@app.callback()
def _byline(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Who changed what, when, and in which request: the change history of your microservices."""
