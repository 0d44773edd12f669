"""The OpenAPI document: FastAPI's, with parameters from the table that parses them and schemas from the structs that
are sent."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from byline.model.schema import json_schema
from byline.web.examples import ANSWERS
from byline.web.params import Parameter
from byline.web.problems import MEDIA_TYPE, Problem
from byline.web.session_cookie import COOKIE
from byline.web.shapes import (
    Activity,
    Changes,
    Entity,
    Events,
    Feed,
    HealthProblem,
    Healthy,
    Letters,
    NewSession,
    Replay,
    RequestEvents,
    Session,
    Taken,
)

_REF = "#/components/schemas/{name}"
_SHAPES: tuple[type, ...] = (
    Activity, Changes, Entity, Events, Feed, HealthProblem, Healthy, Letters, NewSession, Problem, Replay,
    RequestEvents, Session, Taken,
)  # fmt: skip

_PROBLEMS = {
    400: "The call is wrong; `errors` names every field at fault.",
    401: "Nobody is signed in, or the token is not good.",
    403: "This caller may not do this, or the call comes from another site's page.",
    404: "There is no such thing, or this reader may not see it.",
    410: "The place is from before a rebuild of the history: begin again.",
    413: "The body is too large.",
    415: "The body is of a kind that is not read here.",
    429: "Too many calls; `Retry-After` says in how many seconds to try again.",
    500: "Byline failed.",
    503: "The history or the bucket does not answer, or the history's schema is out of date.",
}

Operation = dict[str, Any]

_SECURITY: Final[Operation] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the issuer that this Byline trusts. Without sign-in, on loopback, none is needed.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "What `POST /session` sets, for the pages.",
    },
}
_OPEN: Final = frozenset(("/health", "/session"))


def answers(
    shape: type, description: str, *, problems: Collection[int] = (400, 401, 403, 429, 503)
) -> dict[int | str, Operation]:
    """The responses of a route: ``shape`` as JSON, and the problems it may send instead."""
    return {200: _content(description, "application/json", shape.__name__), **refusals(problems)}


def refusals(problems: Collection[int]) -> dict[int | str, Operation]:
    """The problems that a route may send. ``default`` is there for those that any address may send."""
    known: dict[int | str, Operation] = {
        code: _content(_PROBLEMS[code], MEDIA_TYPE, Problem.__name__) for code in problems
    }
    return {**known, "default": _content("Any other problem.", MEDIA_TYPE, Problem.__name__)}


def as_page_too(responses: dict[int | str, Operation]) -> dict[int | str, Operation]:
    """Responses whose problems come as a page where a form was sent."""
    page = {"text/html": {"schema": {"type": "string"}}}
    return {
        code: {**response, "content": {**response["content"], **page}} if code != 200 else response
        for code, response in responses.items()
    }


def told(shape: type, description: str) -> Operation:
    """One answer of ``shape`` as JSON."""
    return _content(description, "application/json", shape.__name__)


def degraded() -> Operation:
    """The 503 of ``/health``: the history is down (a plain problem), or the processor is (a problem that tells of
    it)."""
    shapes = [{"$ref": _REF.format(name=shape.__name__)} for shape in (HealthProblem, Problem)]
    return {"description": "Something does not work.", "content": {MEDIA_TYPE: {"schema": {"anyOf": shapes}}}}


def parameters(table: Collection[Parameter]) -> dict[str, Any]:
    """A route's query parameters, for ``openapi_extra``."""
    return {"parameters": [parameter.openapi() for parameter in table]}


def in_path(name: str, description: str) -> dict[str, Any]:
    """A part of a route's path, for ``openapi_extra``. Told this way, FastAPI need not make a model of it, for which it
    would load another tenth of a second of library."""
    schema = {"type": "string", "title": name.replace("_", " ").title(), "description": description}
    return {
        "parameters": [{"name": name, "in": "path", "required": True, "schema": schema, "description": description}]
    }


def body(description: str, shape: type, *, form: bool = False) -> dict[str, Any]:
    """A route's JSON body, for ``openapi_extra``; with ``form`` the same fields as a form, too."""
    schema = {"$ref": _REF.format(name=shape.__name__)}
    kinds = ["application/json", *(["application/x-www-form-urlencoded"] if form else [])]
    content = {kind: {"schema": schema} for kind in kinds}
    return {"requestBody": {"description": description, "required": True, "content": content}}


def _content(description: str, media_type: str, schema: str) -> Operation:
    return {"description": description, "content": {media_type: {"schema": {"$ref": _REF.format(name=schema)}}}}


def document_text(document: Operation) -> str:
    """The text of ``schema/openapi.json``."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def install(app: FastAPI) -> None:
    """Make ``app.openapi()`` give the document. It is made once, when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
    )
    _, schemas = msgspec.json.schema_components(_SHAPES, ref_template=_REF)
    schemas[Problem.__name__]["examples"] = [ANSWERS[Problem.__name__]]
    made.setdefault("components", {}).update(schemas=dict(sorted(schemas.items())), securitySchemes=_SECURITY)
    for path, calls in made["paths"].items():
        for call in calls.values():
            call["security"] = [] if path in _OPEN else [{name: []} for name in _SECURITY]
            _show_examples(call["responses"])
    return made


def _show_examples(responses: Operation) -> None:
    """Put in at the end: FastAPI drops what is null from a document, also inside of examples."""
    for response in responses.values():
        for told in response.get("content", {}).values():
            name = told["schema"].get("$ref", "").rpartition("/")[2]
            if name in ANSWERS and name != Problem.__name__:
                told["example"] = ANSWERS[name]


def events_body() -> dict[str, Any]:
    """The body of ``POST /v1/events``."""
    schema = {name: part for name, part in json_schema().items() if name not in {"$schema", "$id", "$defs", "examples"}}
    [example] = json_schema()["examples"]
    one_or_many = {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]}
    lines = {"schema": {"type": "string"}, "example": msgspec.json.encode(example).decode() + "\n"}
    return {
        "requestBody": {
            "description": "One event, a list of events, or NDJSON: one event a line. `Content-Encoding: gzip` or "
            "`zstd` may compress it.",
            "required": True,
            "content": {
                "application/json": {"schema": one_or_many, "example": example},
                "application/x-ndjson": lines,
            },
        }
    }
