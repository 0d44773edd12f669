"""``/v1/export``: all that meets the filters, as a file, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from byline.processor.export import csv_lines, ndjson_lines, rows
from byline.web.caller import CallerOf
from byline.web.openapi import parameters, refusals
from byline.web.params import FILTERS, Parameter, read, to_query
from byline.web.problems import HEADERS
from byline.web.site import SiteOf

router = APIRouter(prefix="/v1", tags=["history"])

_CHUNK = 64 << 10

_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


def _read_format(text: str) -> str:
    if text == "parquet":
        raise ValueError("parquet comes from the command line only: byline export --format parquet")
    if text not in _TYPES:
        raise ValueError(f"must be one of {', '.join(_TYPES)}")
    return text


EXPORT = (
    *FILTERS,
    Parameter("format", "The kind of file.", {"type": "string", "enum": [*_TYPES], "default": "csv"}, _read_format),
)


@router.get(
    "/export",
    summary="Every change that meets the filters, as a file",
    response_class=Response,
    responses={
        200: {
            "description": "The rows of `/v1/changes`, streamed. Where a stream breaks off, the file is not whole.",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
        **refusals((400, 401, 403, 429, 503)),
    },
    openapi_extra=parameters(EXPORT),
)
def export(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    values = read(request.scope["query_string"], EXPORT)
    format = values.pop("format", "csv")
    found = rows(site.reader, to_query(values, within=caller.within))
    chunks = _together(csv_lines(found) if format == "csv" else ndjson_lines(found))
    # The first rows are read before the answer begins, so that what is wrong is told as a problem.
    begun = chain(list(_some(chunks)), chunks)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="byline-changes.{format}"'}
    return StreamingResponse(begun, media_type=_TYPES[format], headers=headers)


def _some(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(chunks, None)
    if first is not None:
        yield first


def _together(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in larger pieces: the server hands each piece from thread to thread."""
    held = bytearray()
    for line in lines:
        held += line
        if len(held) >= _CHUNK:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
