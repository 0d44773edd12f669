"""Pages from templates: everything is escaped unless it says otherwise, nothing stands in line that could run, and
nothing comes from elsewhere."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import structs
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from byline._version import __version__
from byline.model.query import ChangeItem
from byline.web.folding import AT_MOST
from byline.web.pages import address
from byline.web.pages.clock import utc
from byline.web.problems import HEADERS, MEDIA_TYPE, Problem
from byline.web.sentence import brief, counted, gap_sentence, notes_of, person, subject
from byline.web.stored import stored, visible
from byline.web.values import Difference, Side, difference, one_side

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Content Security Policy: one script, one stylesheet and one icon of our own; nothing in line, no frame, no other
origin."""

PAGE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": POLICY,
    # To nobody else; to ourselves, since a form of a page without any referrer has no origin either.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_NAMES = {"ios": "iOS", "macos": "macOS", "os": "OS"}


WHOLES: Final = 500_000
"""Characters that a page may spend on texts that are folded: their writers do not decide how long a page gets."""

_spent: ContextVar[int] = ContextVar("spent")


def _affordable(side: Side) -> Side:
    """The same without all of its text, once the page has spent enough on that."""
    if side.whole is None:
        return side
    spent = _spent.get() + sum(len(run.text) for run in side.whole)
    _spent.set(spent)
    return side if spent <= WHOLES else structs.replace(side, whole=None)


def _difference(change: ChangeItem, one_sided: bool = False) -> Difference:
    told = difference(change, one_sided=one_sided)
    return structs.replace(told, was=_affordable(told.was), now=_affordable(told.now))


def _one_side(text: str | None, kind: str) -> Side:
    return _affordable(one_side(text, kind))


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
        stored=stored, visible=visible, product=product, difference=_difference, utc=utc, counted=counted
    )
    made.globals.update(
        version=__version__,
        brief=brief,
        gap_sentence=gap_sentence,
        notes_of=notes_of,
        one_side=_one_side,
        person=person,
        subject=subject,
        unfolded_at_most=AT_MOST,
        entity_page=address.entity_page,
        front_page=address.front_page,
        person_page=address.person_page,
        request_page=address.request_page,
    )
    return made


_templates = _environment()


def page(name: str, *, status: int = 200, **context: object) -> Response:
    """A page from the template ``name``."""
    _spent.set(0)
    return HTMLResponse(_templates.get_template(name).render(context), status, headers=PAGE_HEADERS)


def dressed(request: Request, response: Response) -> Response:
    """A problem as a page, where a browser asked for one; otherwise as it is."""
    wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")
    if not wants_page or response.media_type != MEDIA_TYPE:
        return response
    told = msgspec.json.decode(response.body, type=Problem)
    again = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return page(
        "problem.html",
        status=response.status_code,
        problem=told,
        errors=told.errors or [],
        again=again if request.method == "GET" and response.status_code >= 500 else None,
    )
