"""The OpenAPI document tells the truth: about parameters, and about the rows that are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from markupsafe import escape

from byline.web import create_app
from byline.web.openapi import document_text
from byline.web.params import ACTIVITY, ENTITY_AT, LIMIT, ONE_REQUEST, QUERY
from byline.web.routes_export import EXPORT
from byline.web.routes_feed import FEED
from tests.web.served import Byline, an_event, served
from tests.web.write_openapi import FILE

EVENT_ID = "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"

CALLS = {
    "/v1/changes": "/v1/changes",
    "/v1/events": "/v1/events",
    "/v1/events/{event_id}": f"/v1/events/{EVENT_ID}",
    "/v1/entity": "/v1/entity?table_id=products_master&entity_id=1",
    "/v1/request": "/v1/request?request_id=a20e389c-134b-40e7-9827-1c94eb895412",
    "/v1/feed": "/v1/feed",
    "/v1/activity": "/v1/activity",
    "/v1/dead-letters": "/v1/dead-letters",
    "/health": "/health",
}
"""Calls that answer with JSON, each as it may be made."""

OTHERS = {"/v1/events/{event_id}/raw", "/v1/export", "/v1/dead-letters/{id}/replay", "/session", "/metrics"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    byline = Byline(tmp_path_factory.mktemp("byline"))
    byline.take(an_event(stream={"id": "p1", "seq": 4}))
    byline.take_bytes(b'{"table_id": "broken"}\n')
    with served(create_app(byline.history, byline.bucket, queue=byline.queue)) as made:
        yield made
    byline.close()


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        for inner in part.values():
            yield from refs(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from refs(inner)


def test_it_is_openapi_3_1_and_describes_every_call(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {*CALLS, *OTHERS}


def test_the_file_in_the_repository_is_current(document: dict[str, Any]) -> None:
    assert FILE.read_text() == document_text(document), "write it anew: python -m tests.web.write_openapi"


def test_every_reference_leads_to_a_schema_and_every_schema_is_referred_to(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    found = {ref.removeprefix("#/components/schemas/") for ref in refs(document)}
    assert found == set(schemas)


def test_every_schema_is_a_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for call in calls(document):
        for parameter in call.get("parameters", ()):
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])


def calls(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def test_every_example_is_one_of_what_it_stands_for(document: dict[str, Any]) -> None:
    tried = 0
    for call in calls(document):
        parts = [*call.get("parameters", ()), *call.get("requestBody", {}).get("content", {}).values()]
        for response in call["responses"].values():
            parts += response.get("content", {}).values()
        for part in parts:
            if "example" in part:
                jsonschema.validate(part["example"], {**part["schema"], "components": document["components"]})
                tried += 1
    assert tried > 50
    [problem] = document["components"]["schemas"]["Problem"]["examples"]
    jsonschema.validate(problem, document["components"]["schemas"]["Problem"] | {"components": document["components"]})


def test_every_call_says_whether_it_needs_a_token(document: dict[str, Any]) -> None:
    asks = {path: bool(call["security"]) for path, methods in document["paths"].items() for call in methods.values()}
    assert {path for path, needed in asks.items() if not needed} == {"/health", "/session"}
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("/v1/changes", QUERY),
        ("/v1/events", QUERY),
        ("/v1/entity", ENTITY_AT),
        ("/v1/request", ONE_REQUEST),
        ("/v1/export", EXPORT),
        ("/v1/feed", FEED),
        ("/v1/activity", ACTIVITY),
        ("/v1/dead-letters", (LIMIT,)),
    ],
)
def test_the_parameters_are_those_that_are_read(document: dict[str, Any], path: str, table: tuple[Any, ...]) -> None:
    described = document["paths"][path]["get"]["parameters"]
    assert [parameter["name"] for parameter in described] == [parameter.name for parameter in table]


def schema_of(document: dict[str, Any], path: str, status: str, media_type: str) -> dict[str, Any]:
    schema: dict[str, Any] = document["paths"][path]["get"]["responses"][status]["content"][media_type]["schema"]
    return {**schema, "components": document["components"]}


@pytest.mark.parametrize("path", CALLS)
def test_answers_are_as_described(document: dict[str, Any], client: httpx.Client, path: str) -> None:
    answer = client.get(CALLS[path])
    assert answer.status_code == 200
    jsonschema.validate(answer.json(), schema_of(document, path, "200", "application/json"))


@pytest.mark.parametrize("path", CALLS)
def test_problems_are_as_described(document: dict[str, Any], client: httpx.Client, path: str) -> None:
    answer = client.get(CALLS[path], params={"colour": "red"})
    assert answer.status_code == 400
    jsonschema.validate(answer.json(), schema_of(document, path, "400", "application/problem+json"))


def test_the_described_rows_have_exactly_the_fields_that_are_sent(
    document: dict[str, Any], client: httpx.Client
) -> None:
    schemas = document["components"]["schemas"]
    [row, *_] = client.get("/v1/changes").json()["data"]
    assert list(schemas["ChangeRow"]["properties"]) == list(row)
    [event] = client.get("/v1/events").json()["data"]
    assert list(schemas["EventRow"]["properties"]) == list(event)
    assert set(schemas["EventRow"]["required"]) == set(event)


def test_no_status_is_described_that_is_never_sent(document: dict[str, Any]) -> None:
    for call in calls(document):
        assert "422" not in call["responses"]


def test_the_page_of_the_api_names_every_call_and_parameter(document: dict[str, Any], client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert all(path in page for path in document["paths"])
    for call in calls(document):
        assert escape(call["summary"]) in page
        for parameter in call.get("parameters", ()):
            assert parameter["name"] in page
