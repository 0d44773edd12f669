"""What fits through API Gateway and Lambda, around an application of these tests'."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from byline.aws import limits
from byline.aws.limits import LARGEST, Limits


class Laid:
    """Where answers were laid, and how."""

    def __init__(self) -> None:
        self.all: list[tuple[bytes, str, dict[str, str]]] = []

    def __call__(self, body, name, headers) -> str:
        self.all.append((body.read(), name, dict(headers)))
        return f"https://bucket.example/answers/{name}"


def application(body: bytes = b"", *, status: int = 200, kind: str = "application/json", pieces: int = 1):
    async def app(scope, receive, send) -> None:
        message = await receive()
        sent = body or message["body"]
        headers = [(b"content-type", kind.encode()), (b"content-disposition", b'attachment; filename="a.csv"')]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        size = max(1, len(sent) // pieces)
        for start in range(0, len(sent), size):
            await send({"type": "http.response.body", "body": sent[start : start + size], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def call(app, laid: Laid, *, path: str = "/v1/changes", bodies: tuple[bytes, ...] = (b"",)) -> tuple[int, dict, bytes]:
    """Status, headers and body that come out."""
    sent: list[Any] = []
    left = list(bodies)

    async def receive():
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": "GET", "headers": []}
    asyncio.run(Limits(app, lay=laid, bucket="s3://audit")(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:])


def test_an_answer_that_fits_goes_on_as_it_is():
    laid = Laid()
    status, headers, body = call(application(b"x" * LARGEST, pieces=7), laid)
    assert (status, len(body), laid.all) == (200, LARGEST, [])
    assert headers["content-type"] == "application/json"


def test_an_answer_that_is_too_large_is_laid_into_the_bucket_whole():
    laid = Laid()
    status, headers, body = call(application(b"x" * (LARGEST + 1), pieces=7), laid, path="/v1/events/1/raw")
    assert (status, body) == (303, b"")
    assert headers["location"] == "https://bucket.example/answers/raw"
    ((content, name, told),) = laid.all
    assert (len(content), name, told["content-type"]) == (LARGEST + 1, "raw", "application/json")


def test_bytes_that_become_base64_have_less_room():
    laid = Laid()
    assert call(application(b"x" * (LARGEST * 3 // 4), kind="application/zip"), laid)[0] == 200
    assert call(application(b"x" * (LARGEST * 3 // 4 + 1), kind="application/zip"), laid)[0] == 303


@pytest.mark.parametrize("unit", ['"', "\\", "\n", "\x00", "ä", "😀"])
def test_an_answer_is_measured_as_lambda_writes_it(unit):
    """As text inside of JSON: a quote takes twice its bytes, and a control character six times."""
    laid = Laid()
    large = (unit * LARGEST).encode()[: LARGEST - LARGEST % 4]
    status, _, body = call(application(large), laid)
    assert status == 303 or len(json.dumps({"body": body.decode()})) < 6 * 2**20
    assert call(application(unit.encode() * 1000), laid)[0] == 200


def test_an_export_always_goes_by_way_of_the_bucket():
    laid = Laid()
    status, _, _ = call(application(b"a,b\r\n", kind="text/csv"), laid, path="/v1/export")
    assert status == 303
    ((content, _, told),) = laid.all
    assert (content, told["content-disposition"]) == (b"a,b\r\n", 'attachment; filename="a.csv"')


@pytest.mark.parametrize("status", [304, 400, 401, 403, 500])
def test_what_is_no_answer_is_never_laid_anywhere(status):
    laid = Laid()
    got, _, body = call(application(b"{}", status=status), laid, path="/v1/export")
    assert (got, body, laid.all) == (status, b"{}", [])


def test_a_call_that_brings_what_fits_reaches_the_application():
    laid = Laid()
    bodies = (b"a" * (LARGEST // 2), b"b" * (LARGEST // 2))
    assert call(application(), laid, path="/v1/events", bodies=bodies)[2] == b"".join(bodies)


def test_a_call_that_brings_too_much_is_told_where_else_to_go():
    laid = Laid()
    status, headers, body = call(application(), laid, path="/v1/events", bodies=(b"a" * LARGEST, b"b"))
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert b"s3://audit" in body


def test_the_limits_are_below_those_of_lambda():
    """6 MB, of which a third is lost where bytes become Base64; the rest is for headers and JSON's escapes."""
    assert limits.LARGEST < 6 * 2**20
    assert limits.LARGEST * 3 // 4 * 4 // 3 < 6 * 2**20
