"""``POST /v1/events``: events from services in any language."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from byline.processor.inflate import Compression
from byline.web.answer import answer
from byline.web.bodies import spool_body
from byline.web.caller import WriterOf
from byline.web.intake import Body, Kind, take_in
from byline.web.openapi import events_body, refusals, told
from byline.web.params import read
from byline.web.refusals import NotNow, NotTakenHere
from byline.web.shapes import Taken
from byline.web.site import WholeSiteOf

router = APIRouter(prefix="/v1", tags=["sending"])

_KINDS: Final[dict[str, Kind]] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
}
_CODINGS: Final[dict[str, Compression]] = {
    "": "plain", "identity": "plain", "gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd",
}  # fmt: skip


@router.post(
    "/events",
    summary="Send one event, or many",
    status_code=202,
    response_class=Response,
    responses={
        202: told(Taken, "They rest in the bucket and are announced; a line that was refused is told."),
        **refusals((400, 401, 403, 413, 415, 429, 503)),
    },
    openapi_extra=events_body(),
)
async def send_events(request: Request, site: WholeSiteOf, caller: WriterOf) -> Response:
    read(request.scope["query_string"], ())
    kind, compression = _kind(request), _coding(request)
    queue = site.queue
    if queue is None:
        raise NotNow("Events are not taken here: this Byline has no queue.")
    with await spool_body(request, site.max_body) as file:
        taken = await run_in_threadpool(take_in, Body(file, kind, compression), site.bucket, queue, caller)
    return answer(taken, status=202)


def _kind(request: Request) -> Kind:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in _KINDS:
        raise NotTakenHere("Send events as Content-Type: application/json or application/x-ndjson.")
    return _KINDS[sent]


def _coding(request: Request) -> Compression:
    sent = request.headers.get("content-encoding", "").strip().lower()
    if sent not in _CODINGS:
        raise NotTakenHere("Compress with Content-Encoding: gzip or zstd, or not at all.")
    return _CODINGS[sent]
