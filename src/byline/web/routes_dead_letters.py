"""``/v1/dead-letters``: what could not be taken, and another try."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from byline.errors import UsageError
from byline.history.port import DeadLetter
from byline.processor.dead_letters import DeadLetterBox
from byline.web.answer import answer
from byline.web.caller import AdminOf
from byline.web.openapi import answers, in_path, parameters
from byline.web.params import LIMIT, read
from byline.web.refusals import NotFound, NotNow
from byline.web.shapes import Letter, Letters, Replay
from byline.web.site import Site, WholeSiteOf

router = APIRouter(prefix="/v1", tags=["dead letters"])


async def letter_id_of(request: Request) -> str:
    """The dead letter that a path names."""
    return str(request.path_params["id"])


LetterId = Annotated[str, Depends(letter_id_of)]


@router.get(
    "/dead-letters",
    summary="What could not be taken, and why",
    response_class=Response,
    responses=answers(Letters, "The open dead letters, newest first."),
    openapi_extra=parameters((LIMIT,)),
)
def dead_letters(request: Request, site: WholeSiteOf, _: AdminOf) -> Response:
    limit = read(request.scope["query_string"], (LIMIT,)).get("limit", 50)
    found = list(islice(box(site).letters(limit=limit + 1), limit + 1))
    return answer(Letters([_letter(letter) for letter in found[:limit]], len(found) > limit))


@router.post(
    "/dead-letters/{id}/replay",
    summary="Read a dead letter's object again",
    response_class=Response,
    responses=answers(Replay, "What came of it.", problems=(400, 401, 403, 404, 429, 503)),
    openapi_extra=in_path("id", "The dead letter's id, as `id` tells it."),
)
def replay(id: LetterId, request: Request, site: WholeSiteOf, _: AdminOf) -> Response:
    read(request.scope["query_string"], ())
    letters = box(site)
    try:
        [outcome] = letters.replay([id])
    except UsageError:
        raise NotFound("No dead letter has this id.") from None
    return answer(Replay(outcome.id, outcome.accepted, _letter(outcome.letter) if outcome.letter else None))


def box(site: Site) -> DeadLetterBox:
    """All dead letters. Raises :class:`~byline.web.refusals.NotNow` where this process has no queue."""
    if site.queue is None:
        raise NotNow("Dead letters are not shown here: this Byline has no queue.")
    return DeadLetterBox(site.bucket, site.queue, site.history)


def _letter(letter: DeadLetter) -> Letter:
    return Letter(
        id=letter.id,
        key=letter.key,
        line=letter.line,
        reason=letter.reason,
        detail=letter.detail,
        received_at=letter.received_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    )
