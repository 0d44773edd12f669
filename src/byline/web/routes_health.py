"""``/health``: whether events are taken and questions answered. Cheap, and open to whoever may reach the address."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from byline.history.port import Health
from byline.web.answer import answer
from byline.web.openapi import answers, degraded
from byline.web.params import read
from byline.web.problems import HEADERS, MEDIA_TYPE
from byline.web.refusals import NotNow, Unauthorized
from byline.web.shapes import HealthProblem, Healthy, HistoryHealth, ProcessorHealth
from byline.web.sign_in import SignIn
from byline.web.site import WholeSiteOf

router = APIRouter(tags=["operation"])


async def _is_told(request: Request) -> bool:
    """Whether the caller may hear how much there is: that is no affair of a passer-by's."""
    sign_in: SignIn = request.app.state.sign_in
    try:
        return (await sign_in.caller(request)).admin
    except (Unauthorized, NotNow):
        return False


IsTold = Annotated[bool, Depends(_is_told)]

_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE


@router.get(
    "/health",
    summary="Whether events are taken and questions answered",
    response_class=Response,
    responses={**answers(Healthy, "Everything works.", problems=(400,)), 503: degraded()},
)
def health(request: Request, site: WholeSiteOf, is_told: IsTold) -> Response:
    read(request.scope["query_string"], ())
    known = site.reader.health()
    processor = site.processor()
    if processor.state in ("restarting", "stopped"):
        return _not_well(processor)
    return answer(Healthy("ok", _history(known), processor) if is_told else Healthy("ok"))


def _not_well(processor: ProcessorHealth) -> Response:
    words = "is being restarted" if processor.state == "restarting" else "has stopped"
    body = HealthProblem(
        type="about:blank",
        title=_UNAVAILABLE.phrase,
        status=_UNAVAILABLE,
        detail=f"The processor {words}: new events wait, questions are answered. Its log has the reason.",
        processor=processor,
    )
    return Response(msgspec.json.encode(body), _UNAVAILABLE, media_type=MEDIA_TYPE, headers=HEADERS)


def _history(known: Health) -> HistoryHealth:
    newest = known.newest_event_at
    return HistoryHealth(
        objects=known.objects,
        newest_event_at=None if newest is None else newest.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        dead_letters=known.dead_letters,
        schema=known.schema,
    )
