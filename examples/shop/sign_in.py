"""The shop's own identity provider: a key made when it starts, and tokens for whoever works here."""

from __future__ import annotations

import json
import time
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from examples.shop.people import Person

ISSUER: Final = "https://sign-in.shop.example"
AUDIENCE: Final = "shop"
_KEY_ID: Final = "made-at-start"


class SignIn:
    """Signs tokens; the services verify them by the public key in ``jwks``."""

    def __init__(self) -> None:
        self._key = generate_private_key(SECP256R1())

    @property
    def jwks(self) -> str:
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]})

    def token(self, person: Person, seconds: int = 3600) -> str:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": int(time.time()) + seconds,
            "sub": person.user_id,
            "account_id": person.account_id,
            "name": person.name,
            "email": person.email,
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": _KEY_ID})
