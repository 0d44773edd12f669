"""Every filter of the HTTP API as an option, under the same name; commands that take them all list them in this
order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from byline.cli.options import parse_time
from byline.model.event import Action
from byline.model.query import Order

TableId = Annotated[str | None, typer.Option("--table-id", help="The entity's table.")]
EntityId = Annotated[str | None, typer.Option("--entity-id", help="The entity.")]
Service = Annotated[str | None, typer.Option("--microservice-name", help="The service that recorded it.")]
ActionIs = Annotated[Action | None, typer.Option("--action", help="What was done.")]
RequestId = Annotated[str | None, typer.Option("--request-id", help="The request.")]
AccountId = Annotated[str | None, typer.Option("--account-id", help="The account that owns the entity.")]
UserId = Annotated[str | None, typer.Option("--user-id", help="The actor.")]
UserEmail = Annotated[str | None, typer.Option("--user-email", help="The actor's e-mail address.")]
IpAddress = Annotated[str | None, typer.Option("--ip-address", help="Where the request came from.")]
Attribute = Annotated[str | None, typer.Option("--attribute", help="The attribute, as history writes it.")]
PreviousValue = Annotated[str | None, typer.Option("--previous-value", help="Its value before.")]
CurrentValue = Annotated[str | None, typer.Option("--current-value", help="Its value after.")]
From = Annotated[
    datetime | None, typer.Option("--from", parser=parse_time, metavar="TIME", help="Not before: RFC 3339 or a date.")
]
To = Annotated[
    datetime | None, typer.Option("--to", parser=parse_time, metavar="TIME", help="Before: RFC 3339 or a date.")
]
OrderIs = Annotated[Order, typer.Option("--order", help="Which comes first.")]
