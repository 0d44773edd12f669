"""The actor in the claims of a JWT: which claim is what, and the setting that trusts a gateway's check.

Verifying a token here is :mod:`byline.capture.jwt`'s, which needs PyJWT; this module needs nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Mapping
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from byline.capture.framework_user import text_of
from byline.capture.request_context import NOBODY, Vouched
from byline.model.event import User

MAX_TOKEN: Final = 16_384
"""Characters of a header that may hold a token. Servers stop there, too; whatever is longer is not looked into."""


class ClaimMap(Struct, frozen=True):
    """Which claim says what: a claim's name, or a dotted path into it (``realm.account.id``).

    A claim whose own name holds dots (``https://example.com/account``) is found by it, first. Identity providers keep
    their own claims in such names.
    """

    account_id: str = "account_id"
    user_id: str = "sub"
    email: str = "email"
    user_name: str = "name"

    def user(self, claims: Mapping[str, Any]) -> User | None:
        """The user whom the claims name; ``None`` where they name nobody."""
        user = User(
            account_id=text_of(claim(claims, self.account_id)),
            user_id=text_of(claim(claims, self.user_id)),
            email=text_of(claim(claims, self.email)),
            user_name=text_of(claim(claims, self.user_name)),
        )
        return user if user != _NOBODY else None


_NOBODY: Final = User()


def claim(claims: Any, path: str) -> Any:
    """What stands under a name or a dotted path; ``None`` where nothing does. At each level the longest name wins."""
    if not isinstance(claims, Mapping):
        return None
    name = path
    while name:
        if name in claims:
            rest = path[len(name) + 1 :]
            found = claim(claims[name], rest) if rest else claims[name]
            if found is not None:
                return found
        name = name.rpartition(".")[0]
    return None


class TokenReader(Protocol):
    """What a middleware asks for the actor in a token: :class:`GatewayVerified`, or
    ``byline.capture.jwt.JwtVerifier``."""

    @property
    def header(self) -> str:
        """The request header that holds the token, lower case."""

    def read(self, value: str) -> Vouched | None:
        """The user that the header's value names. ``None``: it cannot be told yet (no keys so far), so ask again.
        Never raises."""

    def prepare(self, value: str | None) -> Awaitable[None] | None:
        """What to wait for, if anything, before :meth:`read` can tell. ``value`` is the header's, ``None`` when the
        service starts. Bounded, and off the event loop."""


class GatewayVerified:
    """The gateway in front has verified the token: its claims are read as they are, and the event says so
    (``verified_by``).

    An explicit choice: it is right only where nobody reaches the service past the gateway. The header holds a JWT
    (with or without ``Bearer``), or only its claims in base64 (as some gateways pass them on).
    """

    def __init__(self, header: str = "authorization", *, claims: ClaimMap | None = None) -> None:
        self.header = header.lower()
        self._map = claims if claims is not None else ClaimMap()

    def read(self, value: str) -> Vouched:
        """See :class:`TokenReader`."""
        claims = _claims(value)
        user = self._map.user(claims) if claims is not None else None
        return Vouched(user, "gateway") if user is not None else NOBODY

    def prepare(self, value: str | None) -> None:
        """See :class:`TokenReader`."""


def bearer(value: str) -> str | None:
    """The token in a header: ``Bearer <token>`` (RFC 6750, in any letter case), or the token alone. ``None`` for
    another scheme."""
    scheme, _, token = value.strip().partition(" ")
    if not token:
        return scheme or None
    return token.strip() if scheme.lower() == "bearer" else None


def _claims(value: str) -> Mapping[str, Any] | None:
    token = bearer(value) if len(value) <= MAX_TOKEN else None
    if not token:
        return None
    parts = token.split(".")
    if len(parts) not in (1, 3):
        return None
    try:
        claims = msgspec.json.decode(decode_part(parts[len(parts) // 2]))
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def decode_part(text: str) -> bytes:
    """Base64url without padding, as JWTs have it (RFC 7515 §2); plain base64 is read, too. Raises ``ValueError``."""
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    return urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
