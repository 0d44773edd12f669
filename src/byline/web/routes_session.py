"""``/session``: a page's session from a token, and its end. ``/sign-in``: where a reader without one is sent."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from byline.web.answer import answer
from byline.web.bodies import read_body
from byline.web.caller import Caller
from byline.web.openapi import answers, as_page_too, body, refusals
from byline.web.params import BadParameters, FieldError, Parameter, read
from byline.web.problems import MEDIA_TYPE
from byline.web.refusals import NotFound
from byline.web.session_cookie import COOKIE
from byline.web.shapes import NewSession, Session
from byline.web.sign_in import SignIn
from byline.web.templates import page

router = APIRouter(tags=["sign-in"])

MAX_COOKIE = 3_800
"""Characters of a token in a cookie: browsers keep 4,096 bytes of name, value and attributes."""
MAX_FORM = 64 << 10

NEXT = Parameter("next", "Where to go on, as a path of this server.", {"type": "string"})

_PROBLEMS = (400, 401, 403, 404, 413, 503)

_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")


@router.post(
    "/session",
    summary="Open a session of the pages with a token",
    response_class=Response,
    responses={
        **as_page_too(answers(Session, "The session is in the cookie; this is whose it is.", problems=_PROBLEMS)),
        303: {"description": "The form of a page was sent; the session is in the cookie."},
    },
    openapi_extra=body("A token; a form may say with `next` where to go on.", NewSession, form=True),
)
async def open_session(request: Request) -> Response:
    read(request.scope["query_string"], ())
    sign_in = _sign_in(request)
    is_form = _media_type(request) == "application/x-www-form-urlencoded"
    sent = await read_body(request, MAX_FORM)
    fields = _form(sent) if is_form else {"token": _token(sent)}
    token, after = fields.get("token", "").strip(), local_path(fields.get("next"))
    try:
        who = await _verified(sign_in, token)
    except HTTPException as refused:
        if not is_form:
            raise
        return page("sign-in.html", status=refused.status_code, next=after, problem=refused.detail, signed_out=False)
    response = RedirectResponse(after, 303) if is_form else answer(_session(who))
    left = max(0, int((who.expires_at or 0) - time.time()))
    _keep(response, token, left)
    return response


@router.delete(
    "/session",
    summary="End the session",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "The cookie is gone."}, **refusals((400, 403))},
)
async def end_session(request: Request) -> Response:
    read(request.scope["query_string"], ())
    return _forget(Response(status_code=204))


@router.post("/sign-out", include_in_schema=False)
async def sign_out() -> Response:
    """The same for a form, which cannot send DELETE."""
    return _forget(RedirectResponse("/sign-in?signed_out=1", 303))


@router.get("/sign-in", include_in_schema=False)
async def sign_in_page(request: Request) -> Response:
    signed_out = Parameter("signed_out", "Whether a session has just ended.", {"type": "string"})
    values = read(request.scope["query_string"], (NEXT, signed_out))
    after = local_path(values.get("next"))
    sign_in: SignIn = request.app.state.sign_in
    if not sign_in.asks:
        return RedirectResponse(after, 303)
    if sign_in.url and "signed_out" not in values:
        return RedirectResponse(_elsewhere(sign_in.url, after), 303)
    return page("sign-in.html", next=after, problem=None, signed_out="signed_out" in values)


def to_sign_in(request: Request, response: Response) -> Response:
    """Where a page answers 401, a browser is sent to sign in and back."""
    path = request.url.path
    wants_page = "text/html" in request.headers.get("accept", "") and not path.startswith("/v1/")
    if response.status_code != 401 or request.method != "GET" or not wants_page or response.media_type != MEDIA_TYPE:
        return response
    wanted = f"{path}?{request.url.query}" if request.url.query else path
    moved = RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", 303)
    moved.headers["cache-control"] = "no-store"
    return moved


def local_path(text: str | None) -> str:
    """Where to go on after signing in: a path of ours and nothing else, so that nobody is sent to another site."""
    return text if text and len(text) <= 2_000 and _PATH.fullmatch(text) else "/"


def _sign_in(request: Request) -> SignIn:
    found: SignIn = request.app.state.sign_in
    if not found.asks:
        raise NotFound("No sign-in is set up here: nobody needs a session.")
    return found


async def _verified(sign_in: SignIn, token: str) -> Caller:
    if not token:
        raise BadParameters([FieldError("token", "is required")])
    if len(token) > MAX_COOKIE:
        raise BadParameters([FieldError("token", f"is too long for a cookie: at most {MAX_COOKIE} characters fit")])
    who = await sign_in.verified(token)
    _ = who.within
    return who


def _token(sent: bytes) -> str:
    try:
        return msgspec.json.decode(sent, type=NewSession).token
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadParameters([FieldError("token", f'the body must be JSON, {{"token": …}}: {error}')]) from None


def _form(sent: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(sent.decode("ascii"), max_num_fields=10, errors="strict"))
    except ValueError:
        raise BadParameters([FieldError("token", "the form cannot be read")]) from None


def _session(who: Caller) -> Session:
    return Session(
        subject=who.subject,
        name=who.name,
        email=who.email,
        account_id=who.account_id,
        scopes=sorted(who.scopes),
        expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(who.expires_at or 0)),
    )


def _keep(response: Response, token: str, seconds: int) -> None:
    response.set_cookie(COOKIE, token, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")
    response.headers["cache-control"] = "no-store"


def _forget(response: Response) -> Response:
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    response.headers["cache-control"] = "no-store"
    return response


def _elsewhere(url: str, after: str) -> str:
    query: dict[str, Any] = {"next": after}
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
