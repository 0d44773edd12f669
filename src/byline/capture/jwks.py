"""The keys that tokens are checked with: given outright, or fetched from the issuer (RFC 7517) on a thread of their
own.

A fetch never runs on the thread that asks. Keys that are older than the setting are used while new ones are fetched,
for a day at most; then they are no keys any more. An unknown key id asks for a new fetch, but not more often than the
rate limit says, whatever ids strangers make up.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK

from byline.errors import UsageError

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Signatures with a public key. Never ``none``, and never HS…, whose key would be the public one (RFC 8725 §2.1)."""

MAX_BYTES: Final = 1 << 20
"""Of a key set."""
MAX_KEYS: Final = 100
STALE_SECONDS: Final = 86_400
TIMEOUT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 5.0
"""Between two attempts while there are no keys at all."""
_FAMILY: Final = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("EdDSA",)}

_log = logging.getLogger("byline.capture")


class Key(NamedTuple):
    """A public key, and the algorithms that it may be used with."""

    key: Any
    algorithms: tuple[str, ...]


class Keys(NamedTuple):
    """The keys of one key set."""

    by_id: Mapping[str, Key]
    nameless: tuple[Key, ...]

    def find(self, kid: str | None) -> Key | None:
        """The key of that id. A token without one is checked with the only key there is, if there is only one."""
        if kid is not None and kid in self.by_id:
            return self.by_id[kid]
        only = (*self.by_id.values(), *self.nameless)
        if len(only) == 1 and (kid is None or self.nameless):
            return only[0]
        return None


def keys_of(key_set: Any, allowed: tuple[str, ...]) -> Keys:
    """The usable keys in a decoded key set. Raises ``ValueError`` where there is none."""
    members = key_set.get("keys") if isinstance(key_set, Mapping) else None
    by_id: dict[str, Key] = {}
    nameless: list[Key] = []
    for member in members[:MAX_KEYS] if isinstance(members, list) else ():
        key = _key(member, allowed)
        if key is None:
            continue
        kid = member.get("kid")
        if isinstance(kid, str):
            by_id.setdefault(kid, key)
        else:
            nameless.append(key)
    if not by_id and not nameless:
        raise ValueError("the key set holds no public key for the algorithms that are allowed")
    return Keys(by_id, tuple(nameless))


def pem_keys(public_key: str | bytes, allowed: tuple[str, ...]) -> Keys:
    """One public key in PEM. Raises ``ValueError``."""
    key = load_pem_public_key(public_key.encode() if isinstance(public_key, str) else public_key)
    kind = type(key).__name__.upper()
    family = next((family for family in _FAMILY if family in kind), "OKP")
    return Keys({}, (Key(key, _algorithms(family, allowed)),))


def _key(member: Any, allowed: tuple[str, ...]) -> Key | None:
    family = member.get("kty") if isinstance(member, Mapping) else None
    if not isinstance(family, str) or family not in _FAMILY or member.get("use", "sig") != "sig":
        return None
    algorithms = _algorithms(family, allowed)
    if isinstance(member.get("alg"), str):
        algorithms = tuple(name for name in algorithms if name == member["alg"])
    if not algorithms:
        return None
    public = {name: value for name, value in member.items() if name not in _PRIVATE}
    try:
        return Key(PyJWK(public).key, algorithms)
    except Exception:  # noqa: BLE001 - whatever is wrong with one key, the others stay
        return None


_PRIVATE: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth"))


def _algorithms(family: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in allowed if name.startswith(_FAMILY[family]))


class FixedKeys:
    """Keys that are given outright and never change."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def current(self) -> Keys:
        """The keys."""
        return self._keys

    def refresh(self) -> None:
        """There is nothing to fetch."""

    def coming(self) -> None:
        """Nothing comes."""

    def overdue(self) -> None:
        """Nobody has waited."""


class FetchedKeys:
    """The keys behind a URL. Safe from several threads, and in a child after a fork."""

    def __init__(
        self,
        url: str,
        allowed: tuple[str, ...],
        *,
        cache_seconds: float,
        refetch_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise UsageError(f"jwks_url cannot be {url!r}", hint="Use https://host/path.")
        self._url = url
        self._allowed = allowed
        self._cache_seconds = cache_seconds
        self._refetch_seconds = refetch_seconds
        self._clock = clock
        self._keys: Keys | None = None
        self._fetched_at = 0.0
        self._answers = True
        self.fetches = 0
        """Attempts so far."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._running: Future[None] | None = None
        self._started_at: float | None = None

    def current(self) -> Keys | None:
        """The keys as they are; ``None`` before the first have come. Old ones start a fetch, and nobody waits for
        it."""
        keys = self._keys
        if keys is None:
            return None
        age = self._clock() - self._fetched_at
        if age > self._cache_seconds:
            self.refresh()
            if age > self._cache_seconds + STALE_SECONDS:
                return None
        return keys

    def coming(self) -> Future[None] | None:
        """A fetch that is worth waiting for: it runs, or has just been started, and the issuer answered when last
        asked."""
        running = self.refresh()
        return running if self._answers else None

    def overdue(self) -> None:
        """Somebody has waited in vain: until the issuer answers again nobody else does, so that it slows the service
        once."""
        self._answers = False

    def refresh(self) -> Future[None] | None:
        """Start a fetch, or join the one that runs: done when it has ended, well or not. ``None`` before the next is
        due."""
        if os.getpid() != self._pid:
            self._forget_thread()
        with self._lock:
            if self._running is not None:
                return self._running
            now = self._clock()
            pause = self._refetch_seconds if self._keys is not None else min(self._refetch_seconds, RETRY_SECONDS)
            if self._started_at is not None and now - self._started_at < pause:
                return None
            self._started_at = now
            running: Future[None] = Future()
            self._running = running
            self.fetches += 1
        threading.Thread(target=self._fetch, args=(running,), name="byline-jwks", daemon=True).start()
        return running

    def _forget_thread(self) -> None:
        """A fork leaves the thread behind, perhaps in the middle of a fetch or with the lock in its hand."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._running = None
        self._started_at = None

    def _fetch(self, running: Future[None]) -> None:
        try:
            keys = keys_of(_download(self._url), self._allowed)
        except Exception as error:  # noqa: BLE001 - whatever a server may answer; the keys that are there stay in use
            self._answers = False
            _log.warning("the keys at %s cannot be fetched: %s", self._url, error)
        else:
            self._keys, self._fetched_at, self._answers = keys, self._clock(), True
        with self._lock:
            self._running = None
        running.set_result(None)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The keys come from the URL that was set up, or not at all."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _download(url: str) -> Any:
    opener = urllib.request.build_opener(_NoRedirect)
    opener.addheaders = [("accept", "application/json")]
    with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
        body = answer.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise ValueError(f"the key set is larger than {MAX_BYTES} bytes")
    return json.loads(body)
