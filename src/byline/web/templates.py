"""Pages from templates: everything is escaped unless it says otherwise, nothing in them runs, and nothing comes from
elsewhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from byline._version import __version__
from byline.web.problems import HEADERS, MEDIA_TYPE, Problem
from byline.web.sentence import predicate, request_sentence, sentence
from byline.web.stored import stored, visible
from byline.web.values import difference

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content Security Policy: one stylesheet and one icon of our own; no script, no inline style, no frame, no other
origin."""

PAGE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_NAMES = {"ios": "iOS", "macos": "macOS", "os": "OS"}


def day_in_words(day: str) -> str:
    """``2026-07-23`` as ``Thursday, 23 July 2026``."""
    told = date.fromisoformat(day)
    return f"{told:%A}, {told.day} {told:%B} {told.year}"


def product(name: str) -> str:
    """A browser or system as its maker writes it: ``windows 10`` as ``Windows 10``, ``ios 17`` as ``iOS 17``."""
    return " ".join(_NAMES.get(word, word.capitalize()) for word in name.replace("mac os x", "macos").split())


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        stored=stored, visible=visible, day_in_words=day_in_words, product=product, difference=difference
    )
    made.globals.update(sentence=sentence, predicate=predicate, request_sentence=request_sentence, version=__version__)
    return made


_templates = _environment()


def page(name: str, *, status: int = 200, **context: object) -> Response:
    """A page from the template ``name``."""
    return HTMLResponse(_templates.get_template(name).render(context), status, headers=PAGE_HEADERS)


def dressed(request: Request, response: Response) -> Response:
    """A problem as a page, where a browser asked for one; otherwise as it is."""
    wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")
    if not wants_page or response.media_type != MEDIA_TYPE:
        return response
    told = msgspec.json.decode(response.body, type=Problem)
    return page("problem.html", status=response.status_code, problem=told, errors=told.errors or [])
