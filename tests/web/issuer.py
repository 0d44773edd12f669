"""An issuer of tokens: its keys, and tokens that are good, or wrong in one way."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from byline.capture.jwt import JwtVerifier
from byline.web.sign_in import Claims, TokenSignIn

ISSUER = "https://issuer.example"
AUDIENCE = "byline"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwks(key: rsa.RSAPrivateKey = KEY, kid: str = "one") -> dict[str, Any]:
    """The issuer's key set, as it is published."""
    return {"keys": [{**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "RS256", "use": "sig"}]}


JWKS = json.dumps(jwks())


def claims(**other: Any) -> dict[str, Any]:
    """Good claims of a reader of the account ``alpha``; ``None`` leaves one out."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 300, "sub": "u1", "name": "Asha Rao", "account_id": "alpha"}
    return {name: value for name, value in {**said, **other}.items() if value is not None}


def token(*, key: Any = KEY, alg: str = "RS256", kid: str | None = "one", **said: Any) -> str:
    return jwt.encode(claims(**said), key, algorithm=alg, headers={"kid": kid} if kid else None)


def bearer(**said: Any) -> dict[str, str]:
    """The header of a good token, with whatever a test wants otherwise."""
    return {"Authorization": f"Bearer {token(**said)}"}


def sign_in(url: str | None = None, said_by: Claims | None = None, **keys: Any) -> TokenSignIn:
    """The sign-in of an application that trusts this issuer."""
    keys = keys or {"jwks": JWKS}
    return TokenSignIn(JwtVerifier(issuer=ISSUER, audience=AUDIENCE, **keys), said_by or Claims(), url=url)
