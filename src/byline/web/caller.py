"""Who reads. Every route gets its caller from here, and only from here, so sign-in has one place to change.

Until there is sign-in, nobody is asked for a name and nobody is confined; that is why the server answers on loopback
only."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from msgspec import Struct


class Caller(Struct, frozen=True):
    """A reader. ``within`` is the account to which every answer is confined; ``None`` lifts the limit."""

    within: str | None = None


async def caller() -> Caller:
    """The reader behind this call."""
    return Caller()


CallerOf = Annotated[Caller, Depends(caller)]
