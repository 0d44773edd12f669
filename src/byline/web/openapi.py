"""The OpenAPI document: FastAPI's, with parameters from the table that parses them and schemas from the structs that
are sent."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from byline.web.params import Parameter
from byline.web.problems import MEDIA_TYPE, Problem
from byline.web.shapes import Changes, Entity, Events, HealthProblem, Healthy, RequestEvents

_REF = "#/components/schemas/{name}"
_SHAPES: tuple[type, ...] = (Changes, Events, RequestEvents, Entity, Healthy, HealthProblem, Problem)

_PROBLEMS = {
    400: "The call is wrong; `errors` names every field at fault.",
    404: "There is no such thing, or this reader may not see it.",
    500: "Byline failed.",
    503: "The history or the bucket does not answer, or the history's schema is out of date.",
}

Operation = dict[str, Any]


def answers(shape: type, description: str, *, problems: Collection[int] = (400, 503)) -> dict[int | str, Operation]:
    """The responses of a route: ``shape`` as JSON, and the problems it may send instead."""
    return {200: _content(description, "application/json", shape.__name__), **refusals(problems)}


def refusals(problems: Collection[int]) -> dict[int | str, Operation]:
    """The problems that a route may send. ``default`` is there for those that any address may send."""
    known: dict[int | str, Operation] = {
        code: _content(_PROBLEMS[code], MEDIA_TYPE, Problem.__name__) for code in problems
    }
    return {**known, "default": _content("Any other problem.", MEDIA_TYPE, Problem.__name__)}


def degraded() -> Operation:
    """The 503 of ``/health``: the history is down (a plain problem), or the processor is (a problem that tells of
    it)."""
    shapes = [{"$ref": _REF.format(name=shape.__name__)} for shape in (HealthProblem, Problem)]
    return {"description": "Something does not work.", "content": {MEDIA_TYPE: {"schema": {"anyOf": shapes}}}}


def parameters(table: Collection[Parameter]) -> dict[str, Any]:
    """A route's query parameters, for ``openapi_extra``."""
    return {"parameters": [parameter.openapi() for parameter in table]}


def _content(description: str, media_type: str, schema: str) -> Operation:
    return {"description": description, "content": {media_type: {"schema": {"$ref": _REF.format(name=schema)}}}}


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
    made.setdefault("components", {})["schemas"] = dict(sorted(schemas.items()))
    return made
