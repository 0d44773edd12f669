"""``/metrics``: for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from byline.web.caller import AdminOf
from byline.web.metrics import Metrics
from byline.web.openapi import refusals
from byline.web.params import read
from byline.web.problems import HEADERS

router = APIRouter(tags=["operation"])


@router.get(
    "/metrics",
    summary="Times, counts and levels, for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **refusals((400, 401, 403, 429)),
    },
)
def metrics(request: Request, _: AdminOf) -> Response:
    read(request.scope["query_string"], ())
    found: Metrics = request.app.state.metrics
    return Response(found.text(), media_type=found.media_type, headers=HEADERS)
