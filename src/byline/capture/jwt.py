"""Claims of a JWT that is verified here, with PyJWT (``pip install "byline[jwt]"``).

A token is verified when the first event of its request is made. What is wrong with it makes the actor unknown, never
an error in the service; it is counted by reason (:meth:`JwtVerifier.refused`).

Keys that have to be fetched come on a thread of their own, from the moment the service starts. Where a token's key is
not there yet (at the start, or after the issuer changed keys), a plain thread waits for it, ``wait_seconds`` at most.
On an event loop nothing waits: the ASGI middleware has held that request (only that one, and asleep) before the
service saw it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

try:
    import jwt
    from jwt import exceptions

    from byline.capture import jwks as key_sets
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f'{error}. Run: pip install "byline[jwt]"', name=error.name) from error

from byline.capture.claims import MAX_TOKEN, ClaimMap, bearer, decode_part
from byline.capture.request_context import NOBODY, Vouched
from byline.errors import UsageError

_REMEMBERED: Final = 1024
"""Verified tokens, by hash: one user sends the same token with many requests, and a signature costs some 60 µs."""
_KNOWN_HEADS: Final = 64

_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.ExpiredSignatureError, "expired"),
    (exceptions.ImmatureSignatureError, "not_yet_valid"),
    (exceptions.InvalidIssuedAtError, "not_yet_valid"),
    (exceptions.InvalidAudienceError, "audience"),
    (exceptions.InvalidIssuerError, "issuer"),
    (exceptions.MissingRequiredClaimError, "missing_claim"),
    (exceptions.InvalidSignatureError, "signature"),
    (exceptions.InvalidAlgorithmError, "algorithm"),
)


class TokenRefused(Exception):
    """Why a token names nobody, in one word of those that :meth:`JwtVerifier.refused` counts."""


class _Head(NamedTuple):
    algorithm: str
    kid: str | None


class _Verified(NamedTuple):
    who: Vouched
    until: float


class JwtVerifier:
    """Reads the actor from a token that it verifies: signature, ``iss``, ``aud``, ``exp``, ``nbf``.

    Keys: exactly one of ``jwks_url``, ``jwks`` (a key set, decoded or as JSON) and ``public_key`` (PEM).
    ``audience=None`` takes tokens for anyone of this issuer. ``algorithms`` may only narrow the list of
    :data:`byline.capture.jwks.ALGORITHMS`. Raises :class:`~byline.errors.UsageError` where the settings cannot be.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own, given by name
        self,
        *,
        issuer: str | Sequence[str],
        audience: str | Sequence[str] | None,
        jwks_url: str | None = None,
        jwks: Mapping[str, Any] | str | bytes | None = None,
        public_key: str | bytes | None = None,
        algorithms: Sequence[str] = key_sets.ALGORITHMS,
        header: str = "authorization",
        claims: ClaimMap | None = None,
        leeway: float = 30.0,
        cache_seconds: float = 300.0,
        refetch_seconds: float = 30.0,
        wait_seconds: float = 2.0,
    ) -> None:
        allowed = _allowed(algorithms)
        self.header = header.lower()
        self._issuers = [issuer] if isinstance(issuer, str) else list(issuer)
        self._audience = audience
        self._map = claims if claims is not None else ClaimMap()
        self._leeway = leeway
        self._cache_seconds = cache_seconds
        self._wait_seconds = wait_seconds
        if [jwks_url, jwks, public_key].count(None) != 2 or not self._issuers or not all(self._issuers):
            raise UsageError(
                "a JwtVerifier needs an issuer and one source of keys",
                hint="Give issuer=, and jwks_url=, jwks= or public_key=.",
            )
        self._keys: key_sets.FixedKeys | key_sets.FetchedKeys
        if jwks_url is not None:
            self._keys = key_sets.FetchedKeys(
                jwks_url, allowed, cache_seconds=cache_seconds, refetch_seconds=refetch_seconds
            )
        else:
            self._keys = _fixed(jwks, public_key, allowed)
        self._keys_in_use: key_sets.Keys | None = None
        self._verified: dict[bytes, _Verified] = {}
        self._known_heads: dict[str, None] = {}
        self._refused: Counter[str] = Counter()

    def refused(self) -> dict[str, int]:
        """How many times a token named nobody, by reason: ``expired``, ``not_yet_valid``, ``audience``, ``issuer``,
        ``signature``, ``algorithm``, ``missing_claim``, ``unknown_key``, ``no_keys``, ``too_long``, ``malformed``,
        ``no_user``."""
        return dict(self._refused)

    def read(self, value: str) -> Vouched | None:
        """See :class:`~byline.capture.claims.TokenReader`."""
        token = bearer(value)
        if token is None:
            return NOBODY
        try:
            return self._checked(token)
        except TokenRefused as refusal:
            reason = str(refusal)
            self._refused[reason] += 1
            return None if reason in ("unknown_key", "no_keys") else NOBODY

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token, verified anew. Raises :class:`TokenRefused`."""
        if len(token) > MAX_TOKEN:
            raise TokenRefused("too_long")
        return self._claims(token)

    def prepare(self, value: str | None) -> Any:
        """See :class:`~byline.capture.claims.TokenReader`."""
        if value is None:
            if self._keys.current() is None:
                self._keys.refresh()
            return None
        token = bearer(value) or ""
        head = token.partition(".")[0]
        if head in self._known_heads or len(token) > MAX_TOKEN or not _on_event_loop():
            return None
        return self._prepared(head)

    def _prepared(self, text: str) -> Any:
        try:
            head = _head(text)
        except TokenRefused:
            return None
        if self._find(head.kid) is not None:
            if len(self._known_heads) >= _KNOWN_HEADS:
                self._known_heads.clear()
            self._known_heads[text] = None
            return None
        coming = self._keys.coming()
        return None if coming is None else self._hold(coming)

    async def _hold(self, coming: Future[None]) -> None:
        done, _ = await asyncio.wait([asyncio.wrap_future(coming)], timeout=self._wait_seconds)
        if not done:
            self._keys.overdue()

    def _checked(self, token: str) -> Vouched:
        if len(token) > MAX_TOKEN:
            raise TokenRefused("too_long")
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        keys = self._keys.current()
        if keys is not self._keys_in_use:
            self._verified.clear()  # a key that its issuer has withdrawn vouches for nobody any more
            self._keys_in_use = keys
        remembered = self._verified.get(digest)
        if remembered is not None and remembered.until > time.time():
            return remembered.who
        claims = self._claims(token)
        user = self._map.user(claims)
        if user is None:
            raise TokenRefused("no_user")
        who = Vouched(user, claims["iss"])
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        until = min(int(claims["exp"]) + self._leeway, time.time() + self._cache_seconds)
        self._verified[digest] = _Verified(who, until)
        return who

    def _claims(self, token: str) -> dict[str, Any]:
        head = _head(token.partition(".")[0])
        key = self._find(head.kid) or self._awaited(head.kid)
        if head.algorithm not in key.algorithms:
            raise TokenRefused("algorithm")
        try:
            return jwt.decode(
                token,
                key.key,
                algorithms=[head.algorithm],
                issuer=self._issuers,
                audience=self._audience,
                leeway=self._leeway,
                options={
                    "require": ["exp", "iss"],
                    "verify_aud": self._audience is not None,
                    "verify_sub": False,  # ids may be integers
                    "verify_jti": False,
                },
            )
        except Exception as error:  # whatever a stranger's bytes set off, it names nobody
            raise TokenRefused(_reason(error)) from error

    def _find(self, kid: str | None) -> key_sets.Key | None:
        keys = self._keys.current()
        return keys.find(kid) if keys is not None else None

    def _awaited(self, kid: str | None) -> key_sets.Key:
        """The key, once new ones have come; on an event loop nothing waits."""
        coming = self._keys.coming()
        if coming is not None and not _on_event_loop():
            if not wait([coming], timeout=self._wait_seconds).done:
                self._keys.overdue()
            key = self._find(kid)
            if key is not None:
                return key
        raise TokenRefused("no_keys" if self._keys.current() is None else "unknown_key")


def _allowed(algorithms: Sequence[str]) -> tuple[str, ...]:
    allowed = (algorithms,) if isinstance(algorithms, str) else tuple(algorithms)
    wrong = [name for name in allowed if name not in key_sets.ALGORITHMS]
    if wrong or not allowed:
        raise UsageError(
            f"algorithms cannot hold {', '.join(wrong) or 'nothing'}",
            hint=f"Use some of {', '.join(key_sets.ALGORITHMS)}.",
        )
    return allowed


def _fixed(
    jwks: Mapping[str, Any] | str | bytes | None, public_key: str | bytes | None, allowed: tuple[str, ...]
) -> key_sets.FixedKeys:
    try:
        if public_key is not None:
            return key_sets.FixedKeys(key_sets.pem_keys(public_key, allowed))
        key_set = msgspec.json.decode(jwks) if isinstance(jwks, (str, bytes)) else jwks
        return key_sets.FixedKeys(key_sets.keys_of(key_set, allowed))
    except ValueError as error:
        raise UsageError(
            f"the keys of a JwtVerifier cannot be read: {error}", hint="Give a public key, or a JWKS."
        ) from error


def _head(text: str) -> _Head:
    """Algorithm and key id of a token's first part, not verified: they only choose among keys that are trusted
    anyway."""
    try:
        head = msgspec.json.decode(decode_part(text))
    except (ValueError, RecursionError):
        raise TokenRefused("malformed") from None
    if not isinstance(head, dict):
        raise TokenRefused("malformed")
    algorithm, kid = head.get("alg"), head.get("kid")
    if algorithm not in key_sets.ALGORITHMS:
        raise TokenRefused("algorithm")
    return _Head(algorithm, kid if isinstance(kid, str) else None)


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "malformed"


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
