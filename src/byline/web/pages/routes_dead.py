"""``/dead-letters``: what could not be taken, why, what to do, and another try."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from byline.errors import BylineError
from byline.history.port import DeadLetter
from byline.model.query import ObjectRef
from byline.processor.dead_letters import DeadLetterBox
from byline.processor.raw import raw_line
from byline.web.bodies import read_body
from byline.web.caller import AdminOf, Caller
from byline.web.pages.dead import Letter, choose, entity_in, reasons, tell
from byline.web.pages.frame import Foot, FrameOf
from byline.web.pages.replays import Outcome, Replays
from byline.web.params import Parameter, read
from byline.web.routes_dead_letters import box
from byline.web.site import Site, WholeSiteOf
from byline.web.templates import page

router = APIRouter(include_in_schema=False)

SHOWN: Final = 50
AT_MOST: Final = 1_000
"""Letters that are counted, and replayed at once."""
_MAX_FORM: Final = 64 << 10

_WHOLE = Parameter("whole", "The letter whose line is shown whole.", {})
_WHOLE_AT_MOST: Final = 1 << 20


@router.get("/dead-letters", response_class=Response)
def dead_letters(request: Request, site: WholeSiteOf, _: AdminOf, frame: FrameOf) -> Response:
    """The letters that wait."""
    values = read(request.scope["query_string"], (_WHOLE,))
    letters = box(site)
    waiting = list(islice(letters.letters(limit=AT_MOST), AT_MOST))
    outcomes = {outcome.letter.id: outcome for outcome in _replays(request).all()}
    return page(
        "dead-letters.html",
        frame=frame,
        count=len(waiting),
        more=len(waiting) == AT_MOST,
        reasons=reasons(waiting),
        letters=[_told(letters, letter) for letter in waiting[:SHOWN]],
        whole=_whole(letters, values.get("whole")),
        outcomes=outcomes,
        accepted=[(outcome, tell(outcome.letter)) for outcome in outcomes.values() if outcome.accepted],
        foot=Foot(as_json="/v1/dead-letters"),
    )


def _told(letters: DeadLetterBox, letter: DeadLetter) -> Letter:
    return tell(letters.get(letter.id))


def _whole(letters: DeadLetterBox, id: str | None) -> tuple[str, str] | None:
    """A letter's id and all of its line, up to a mebibyte."""
    if id is None:
        return None
    data = b""
    for chunk in letters.raw(letters.get(id)):
        data += chunk
        if len(data) >= _WHOLE_AT_MOST:
            break
    return id, data[:_WHOLE_AT_MOST].decode("utf-8", errors="replace")


@router.post("/dead-letters/replay", response_class=Response)
async def replay(request: Request, site: WholeSiteOf, caller: AdminOf) -> Response:
    """Read letters' objects again: those of one id, of one reason, or all."""
    sent = parse_qs((await read_body(request, _MAX_FORM)).decode("ascii", errors="replace"))
    await run_in_threadpool(_replay, site, caller, sent, _replays(request))
    return RedirectResponse("/dead-letters", 303)


def _replay(site: Site, caller: Caller, sent: dict[str, list[str]], replays: Replays) -> None:
    letters = box(site)
    waiting = list(islice(letters.letters(limit=AT_MOST), AT_MOST))
    ids = choose(waiting, sent.get("reason", [None])[0], sent.get("id", []))
    before = {id: letters.get(id) for id in ids}
    now, by = datetime.now(UTC), caller.name or caller.email or caller.subject
    replays.add(
        [
            Outcome(
                letter=before[done.id],
                by=by,
                at=now,
                accepted=done.accepted,
                same=done.letter is not None and done.letter.reason == before[done.id].reason,
                entity=_now(site, before[done.id]) if done.accepted else None,
            )
            for done in letters.replay(ids)
        ]
    )


def _now(site: Site, letter: DeadLetter) -> tuple[str, str] | None:
    """Whose event the line is now; ``None`` where the letter was of a whole object, or the line cannot be read."""
    if letter.line is None:
        return None
    try:
        return entity_in(raw_line(site.bucket, ObjectRef(letter.key, letter.line)))
    except BylineError:
        return None


def _replays(request: Request) -> Replays:
    """This application's memory of replays."""
    state = request.app.state
    if not hasattr(state, "replays"):
        state.replays = Replays()
    found: Replays = state.replays
    return found
