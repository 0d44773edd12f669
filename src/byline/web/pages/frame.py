"""What stands around every page: who reads, what they may see, how fresh it is, and where else this view is to be
had."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends
from msgspec import Struct
from starlette.requests import Request

from byline.model.query import Query
from byline.web.caller import Caller, CallerOf
from byline.web.pages.clock import Clock, clock
from byline.web.site import Site, SiteOf

Where = Literal["changes", "dead-letters", "api", ""]

ClockOf = Annotated[Clock, Depends(clock)]


class Frame(Struct, frozen=True, kw_only=True):
    """The head and foot of a page."""

    clock: Clock
    today: str
    accounts: str
    reader: str | None
    """Whoever is signed in; ``None`` where nobody is asked."""
    admin: bool
    """May see dead letters."""
    dead_letters: int
    newest: datetime | None
    """The newest event's time that is past; ``None`` where there is none that this reader may see."""
    theme: str | None
    """``light`` or ``dark``, where the reader chose; ``None``: as the system has it."""


def frame(request: Request, site: SiteOf, caller: CallerOf) -> Frame:
    """The frame of a page for this reader."""
    told = clock(request)
    known = site.history.reader.health() if caller.admin else site.reader.health()
    return Frame(
        clock=told,
        today=told.full_day(told.now),
        accounts="All accounts" if caller.within is None else f"Account {caller.within}",
        reader=_name(caller),
        admin=caller.admin and site.queue is not None,
        dead_letters=known.dead_letters if caller.admin else 0,
        newest=_newest(site, caller, told.now),
        theme=chosen if (chosen := request.cookies.get("byline_theme")) in ("light", "dark") else None,
    )


FrameOf = Annotated[Frame, Depends(frame)]


def _name(caller: Caller) -> str | None:
    return None if caller.local else caller.name or caller.email or caller.subject or "Signed in"


def _newest(site: Site, caller: Caller, now: datetime) -> datetime | None:
    """Of this reader's account: what others do says nothing here."""
    newest = site.reader.health().newest_event_at
    # Nothing is known to be read up to a time that is still to come, whatever an event says of its own.
    if caller.within is not None or (newest and newest > now):
        rows = site.reader.events(Query(to=now, limit=1, within=caller.within)).rows
        return datetime.fromisoformat(rows[0].occurred_at) if rows else None
    return newest


class Foot(Struct, frozen=True, kw_only=True):
    """This very view in other forms: addresses of ours."""

    as_json: str
    export: str | None = None
