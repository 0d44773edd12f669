"""The HTTP API on Lambda, called as API Gateway calls it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from byline.aws import application, reads, stores
from byline.aws.gateway import Gateway
from byline.aws.limits import LARGEST
from tests.acceptance.samples import WORKED_EXAMPLE, line
from tests.unit.aws.conftest import Call, batch, failed
from tests.web.issuer import AUDIENCE, ISSUER, JWKS, bearer

ROOT = Path(__file__).parents[3]
EVENTS = "events/micro_service_name=catalogue/date=2024-02-03/hour=04"


def request(path: str, *, query: str = "", method: str = "GET", body: bytes | None = None, **headers: str) -> dict:
    """As API Gateway's HTTP API sends it, payload format 2.0 ("Create AWS Lambda proxy integrations for HTTP APIs")."""
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "127.0.0.1", "x-forwarded-proto": "https", "accept": "*/*", **headers},
        "requestContext": {
            "accountId": "111111111111",
            "apiId": "api",
            "domainName": "127.0.0.1",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "t",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        "isBase64Encoded": body is not None,
    }
    return event if body is None else {**event, "body": base64.b64encode(body).decode()}


@pytest.fixture
def ask(place):
    """The function in an environment of its own."""
    with closing(Gateway(application.make())) as gateway:
        yield lambda *args, **more: gateway(request(*args, **more), Call())


def take(place, data: bytes) -> None:
    from byline.aws.processor import handler

    key = place.put(f"{EVENTS}/1.ndjson", data)
    assert failed(handler(batch(place.message(key)), Call())) == []


def test_a_question_of_the_api_is_answered(place, ask):
    take(place, json.dumps(WORKED_EXAMPLE).encode())
    answer = ask("/v1/changes", query="table_id=products_master&entity_id=1")
    assert answer["statusCode"] == 200
    rows = json.loads(answer["body"])["data"]
    assert [(row["attribute"], row["previous_value"], row["current_value"]) for row in rows[:1]] == [
        ("inventory", "1", "10")
    ]


def test_a_page_comes_as_text(place, ask):
    take(place, line(1))
    answer = ask("/", accept="text/html")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"]["content-type"].startswith("text/html")


def test_a_history_that_is_not_there_is_503_and_the_environment_lives_on(place, ask):
    (place.data / "history.db").rename(place.data / "away.db")
    assert ask("/v1/changes")["statusCode"] == 503
    (place.data / "away.db").rename(place.data / "history.db")
    assert ask("/v1/changes")["statusCode"] == 200


def test_a_post_that_is_too_large_is_413_and_names_the_bucket(place, ask):
    answer = ask("/v1/events", method="POST", body=b" " * (LARGEST + 1), **{"content-type": "application/json"})
    assert answer["statusCode"] == 413
    assert str(place.data / "bucket") in answer["body"]


def test_without_sign_in_nobody_but_loopback_is_answered(place, ask):
    assert ask("/v1/changes", host="api.execute-api.eu-central-1.amazonaws.com")["statusCode"] == 421


@pytest.fixture
def signed_in(place, monkeypatch):
    """The function where readers have names, as API Gateway calls it."""
    for variable, value in (("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE), ("JWKS", JWKS)):
        monkeypatch.setenv(f"BYLINE_JWT_{variable}", value)
    stores.forget()
    with closing(Gateway(application.make())) as gateway:
        yield lambda *args, **more: gateway(request(*args, **more), Call())
    reads.sink.ship()


def test_nobody_reads_without_a_token_and_each_only_the_account_in_it(place, signed_in):
    own = line(1, request_info={"time_stamp": "2024-02-03T04:00:00Z", "user": {"account_id": "alpha"}})
    take(place, own + b"\n" + line(2))
    assert signed_in("/v1/events")["statusCode"] == 401
    answer = signed_in("/v1/events", authorization=bearer()["Authorization"])
    assert [event["account_id"] for event in json.loads(answer["body"])["data"]] == ["alpha"]


def test_what_readers_ask_is_in_the_bucket_when_the_call_ends(place, signed_in):
    assert signed_in("/v1/events", query="table_id=products", authorization=bearer(sub="u7")["Authorization"])
    reads.sink.ship()
    (info,) = place.bucket.list("events/micro_service_name=")
    with place.bucket.open(info.key) as opened:
        (said,) = [json.loads(row) for row in b"".join(opened).splitlines()]
    assert (said["table_id"], said["request_info"]["user"]["user_id"]) == ("byline_access", "u7")


def test_what_readers_ask_waits_for_a_bucket_that_is_away(place, signed_in):
    (place.data / "bucket").write_text("in the way")
    signed_in("/v1/events", authorization=bearer(sub="u8")["Authorization"])
    reads.sink.ship()
    (place.data / "bucket").unlink()
    reads.sink.ship()
    assert len(list(place.bucket.list("events/"))) == 1


CALLED = """
import json, sys
from byline.aws.query import handler
from tests.unit.aws.conftest import Call
print(json.dumps(handler(json.loads(sys.argv[1]), Call())))
"""


def test_the_handler_takes_api_gateway_s_calls():
    command = [sys.executable, "-W", "error", "-c", CALLED, json.dumps(request("/openapi.json"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout.splitlines()[-1]) if done.stdout else done.stderr
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["openapi"].startswith("3.")


IMPORTED = """
import json, sys
import byline.aws.{handler}
from byline.aws import stores
opened = [name for name in ("bucket", "queue", "history") if getattr(stores, name).made]
heavy = {{"typer", "rich", "sqlalchemy.orm", "ua_parser", "boto3", "alembic", "fastapi", "uvicorn"}} & set(sys.modules)
print(json.dumps([opened, sorted(heavy)]))
"""


@pytest.mark.parametrize(("handler", "may_load"), [("processor", []), ("query", ["fastapi"]), ("admin", [])])
def test_importing_a_handler_opens_nothing_and_loads_only_what_it_needs(handler, may_load, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(handler=handler)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [[], may_load]
    assert list(tmp_path.iterdir()) == []
