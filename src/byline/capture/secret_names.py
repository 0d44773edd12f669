"""Which attributes hold a secret, judged by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import normalize

DEFAULT_SECRET_NAMES: Final = frozenset(
    (
        "password", "passwd", "pwd", "passphrase", "secret", "token", "authorization", "credential",
        "api_key", "access_key", "private_key",
    )
)  # fmt: skip
"""Masked where nobody says otherwise."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_MAX_NAME: Final = 256
"""Characters of a name that are looked at. Longer ones are not names but data; they are compared as they are."""


class SecretNames:
    """Matches whole words of a name, in any letter case and spelling, in the singular and the plural.

    ``token`` is in ``access_token``, ``accessToken``, ``X-Auth-Tokens`` and ``token2``, not in ``tokenizer``;
    ``api_key`` is in ``apiKey``, ``APIKEY`` and ``stripe-api-key``.
    """

    def __init__(self, names: Iterable[str]) -> None:
        squeezed = frozenset("".join(words(name)) for name in names)
        self._squeezed = squeezed - {""}
        self._longest = max(map(len, self._squeezed), default=0)

    def match(self, name: str) -> bool:
        """Whether some words of ``name`` that follow each other are one of the names."""
        parts = words(name[:_MAX_NAME])
        return any(self._begins(parts[start:]) for start in range(len(parts)))

    def _begins(self, parts: list[str]) -> bool:
        run = ""
        for part in parts:
            run += part
            if len(run) > self._longest + 1:
                return False
            if run in self._squeezed or (run.endswith("s") and run[:-1] in self._squeezed):
                return True
        return False


def words(name: str) -> list[str]:
    """The words of a name, in lower case: ``userAPIKey_2`` → user, api, key, 2."""
    plain = name if name.isascii() else normalize("NFKC", name)
    return [word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", plain))]
