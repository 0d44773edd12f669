"""Sign-in: from a token in a header or a cookie to a caller.

A token comes as ``Authorization: Bearer …``, or in the session cookie that ``POST /session`` sets; the header wins. It
is verified with each call, so a key that its issuer withdraws, and a token that ends, end the session too.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from msgspec import Struct
from starlette.requests import Request

from byline.capture.claims import ClaimMap, claim
from byline.capture.jwt import JwtVerifier, TokenRefused
from byline.errors import UsageError
from byline.settings import Settings
from byline.web.caller import LOCAL, Caller
from byline.web.refusals import NotNow, Unauthorized
from byline.web.session_cookie import session_of

_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE | re.ASCII)

_NEVER: Final = 253_402_300_799
"""The last second of the year 9999: a token that says it ends later ends then."""

_WHY: Final = {
    "expired": "The token has expired.",
    "not_yet_valid": "The token is not valid yet.",
    "audience": "The token is meant for somebody else.",
    "issuer": "The token is of another issuer.",
    "signature": "The token's signature is wrong.",
    "algorithm": "The token's algorithm is not one that is taken here.",
    "missing_claim": "The token lacks a claim: iss, aud and exp are needed.",
    "unknown_key": "The token is signed with a key that its issuer does not have.",
    "too_long": "The token is too long.",
    "malformed": "This is not a token.",
}


class SignIn(Protocol):
    """Who is behind a call."""

    @property
    def asks(self) -> bool:
        """Whether readers are asked who they are."""

    @property
    def url(self) -> str | None:
        """Where a reader without a session is sent; ``None``: to the page that takes a pasted token."""

    async def caller(self, request: Request) -> Caller:
        """Raises :class:`~byline.web.refusals.Unauthorized`."""

    async def verified(self, token: str) -> Caller:
        """Whoever a token names. Raises :class:`~byline.web.refusals.Unauthorized`."""


class NoSignIn:
    """Nobody is asked: for loopback only."""

    asks = False
    url = None

    async def caller(self, request: Request) -> Caller:  # noqa: ARG002
        return LOCAL

    async def verified(self, token: str) -> Caller:  # noqa: ARG002
        return LOCAL


class Claims(Struct, frozen=True):
    """Which claim says what: a claim's name, or a dotted path into it."""

    account: str = "account_id"
    scope: str = "scope"
    user: str = "sub"
    email: str = "email"
    name: str = "name"


class TokenSignIn:
    """Tokens of one issuer, for one audience."""

    asks = True

    def __init__(self, verifier: JwtVerifier, claims: Claims = Claims(), *, url: str | None = None) -> None:  # noqa: B008 - frozen
        self.url = url
        self._verifier = verifier
        self._claims = claims
        self._map = ClaimMap(account_id=claims.account, user_id=claims.user, email=claims.email, user_name=claims.name)

    async def caller(self, request: Request) -> Caller:
        """See :class:`SignIn`."""
        token = _token(request)
        if token is None:
            raise Unauthorized("Sign in first: send a token as Authorization: Bearer …")
        return await self.verified(token)

    async def verified(self, token: str) -> Caller:
        """See :class:`SignIn`."""
        waiting = self._verifier.prepare(token)
        if waiting is not None:
            await waiting
        try:
            claims = self._verifier.claims(token)
        except TokenRefused as refused:
            reason = str(refused)
            if reason == "no_keys":
                raise NotNow("The issuer's keys cannot be fetched, so no token can be checked.") from None
            raise Unauthorized(_WHY.get(reason, _WHY["malformed"]), error="invalid_token") from None
        return self._caller(claims)

    def _caller(self, claims: dict[str, Any]) -> Caller:
        user = self._map.user(claims)
        return Caller(
            subject=user.user_id if user else None,
            name=user.user_name if user else None,
            email=user.email if user else None,
            account_id=user.account_id if user else None,
            scopes=_scopes(claim(claims, self._claims.scope)),
            verified_by=claims["iss"],
            expires_at=float(min(int(claims["exp"]), _NEVER)),
        )


def sign_in_of(settings: Settings) -> SignIn | None:
    """The sign-in that the settings ask for; ``None`` where they ask for none. Raises
    :class:`~byline.errors.UsageError` where they leave something out."""
    given = {
        "BYLINE_JWT_ISSUER": settings.jwt_issuer,
        "BYLINE_JWT_AUDIENCE": settings.jwt_audience,
        "BYLINE_JWT_JWKS_URL or BYLINE_JWT_JWKS": settings.jwt_jwks_url or settings.jwt_jwks,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        raise UsageError(
            f"sign-in is set up only in part: {' and '.join(missing)} missing",
            hint="Set the issuer, the audience and the keys, or none of them.",
        )
    verifier = JwtVerifier(
        issuer=settings.jwt_issuer or "",
        audience=settings.jwt_audience,
        jwks_url=settings.jwt_jwks_url,
        jwks=settings.jwt_jwks,
    )
    claims = Claims(
        account=settings.claim_account,
        scope=settings.claim_scope,
        user=settings.claim_user,
        email=settings.claim_email,
        name=settings.claim_name,
    )
    return TokenSignIn(verifier, claims, url=settings.sign_in_url)


def _token(request: Request) -> str | None:
    sent = request.headers.getlist("authorization")
    if not sent:
        return session_of(request.headers)
    match = _BEARER.fullmatch(sent[0].strip()) if len(sent) == 1 else None
    if match is None:
        raise Unauthorized("The Authorization header must be: Bearer, a blank, and one token.", error="invalid_request")
    return match[1]


def _scopes(sent: Any) -> frozenset[str]:
    """Scopes as text with blanks between them (RFC 8693 §4.2), or as a list."""
    if isinstance(sent, str):
        return frozenset(sent.split())
    return frozenset(one for one in sent if isinstance(one, str)) if isinstance(sent, list) else frozenset()
