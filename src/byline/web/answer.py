"""Answers: structs as JSON, and stored bytes with the tag that lets a reader keep them for good."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from byline.model.jsontext import encode_number
from byline.web.problems import HEADERS

_encoder = msgspec.json.Encoder(enc_hook=encode_number)


def answer(body: msgspec.Struct, *, status: int = 200) -> Response:
    """A struct as JSON; numbers of a state as their tokens."""
    return Response(_encoder.encode(body), status, media_type="application/json", headers=HEADERS)


def answer_bytes(request: Request, load: Callable[[], bytes], *, sha256: str) -> Response:
    """Bytes that never change, tagged with their SHA-256; 304 without loading them where the reader has them (RFC
    9110, 13.1.2).

    A browser asks each time whether it may still show them: its next reader may be of another account, and its cache
    knows nothing of that."""
    headers = {**HEADERS, "ETag": f'"{sha256}"', "Cache-Control": "private, no-cache"}
    if _has(request.headers.get("if-none-match", ""), sha256):
        return Response(status_code=304, headers=headers)
    return Response(load(), media_type="application/json", headers=headers)


def _has(if_none_match: str, sha256: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{sha256}"' in tags
