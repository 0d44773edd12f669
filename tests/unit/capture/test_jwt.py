"""Tokens that are verified here: everything wrong with one makes the actor unknown, and never an error."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt import api_jws
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from byline.capture import jwks
from byline.capture.jwt import JwtVerifier
from byline.capture.request_context import NOBODY, Vouched
from byline.errors import UsageError
from byline.model.event import User

ISSUER = "https://issuer.example"
AUDIENCE = "orders"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PAVAN = User("17", "206483f8", "pavan@eunimart.com", "Pavan Kumar")


def member(key: Any, kid: str | None = None, **more: str) -> dict[str, Any]:
    algorithm = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    kind = next((make for base, make in algorithm.items() if isinstance(key, base)), OKPAlgorithm)
    made = kind.to_jwk(key.public_key(), as_dict=True)
    made.pop("key_ops", None)
    return {**made, **({"kid": kid} if kid else {}), **more}


KEYS = {"keys": [member(RSA, "rsa", use="sig", alg="RS256"), member(EC, "ec"), member(ED, "ed")]}


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + 300,
        "nbf": now - 5,
        "iat": now,
        "sub": "206483f8",
        "account_id": 17,
        "email": "pavan@eunimart.com",
        "name": "Pavan Kumar",
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def sign(
    said: dict[str, Any] | None = None, *, key: Any = RSA, alg: str = "RS256", kid: str | None = "rsa", **head: Any
) -> str:
    headers = {**({"kid": kid} if kid else {}), **head}
    payload = json.dumps(said if said is not None else claims()).encode()
    return "Bearer " + api_jws.encode(payload, key, algorithm=alg, headers=headers)


def raw(head: Any, said: Any, signature: bytes = b"") -> str:
    parts = [json.dumps(head).encode(), json.dumps(said).encode(), signature]
    return "Bearer " + ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def verifier(**settings: Any) -> JwtVerifier:
    keys = {} if {"jwks_url", "public_key", "jwks"} & settings.keys() else {"jwks": KEYS}
    return JwtVerifier(**{"issuer": ISSUER, "audience": AUDIENCE, **keys, **settings})


def pem(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


# --- what is right ---


@pytest.mark.parametrize(("key", "alg", "kid"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")])
def test_a_verified_token_names_its_user_and_the_issuer_vouches(key: Any, alg: str, kid: str) -> None:
    assert verifier().read(sign(key=key, alg=alg, kid=kid)) == Vouched(PAVAN, ISSUER)


def test_a_key_set_may_be_given_as_text_and_one_key_as_pem() -> None:
    assert verifier(jwks=json.dumps(KEYS)).read(sign()).user == PAVAN
    for key, alg in ((RSA, "RS512"), (EC, "ES256"), (ED, "EdDSA")):
        for kid in (None, "whatever"):
            assert verifier(public_key=pem(key)).read(sign(key=key, alg=alg, kid=kid)).user == PAVAN
    assert verifier(public_key=pem(RSA).decode()).read(sign()).user == PAVAN


def test_a_token_without_a_key_id_is_checked_with_the_only_key() -> None:
    assert verifier(jwks={"keys": [member(RSA, "rsa")]}).read(sign(kid=None)).user == PAVAN
    assert verifier().read(sign(kid=None)) is None


def test_several_issuers_and_audiences() -> None:
    many = verifier(issuer=["https://other.example", ISSUER], audience=["a", AUDIENCE])
    assert many.read(sign()) == Vouched(PAVAN, ISSUER)
    assert many.read(sign(claims(aud=["b", "a"]))).user == PAVAN


def test_tokens_for_anyone_are_taken_only_where_the_setting_says_so() -> None:
    anyone = verifier(audience=None)
    assert anyone.read(sign(claims(aud="elsewhere"))).user == PAVAN
    assert anyone.read(sign(claims(aud=None))).user == PAVAN


def test_ids_may_be_integers() -> None:
    assert verifier().read(sign(claims(sub=42))).user.user_id == "42"


def test_the_leeway_forgives_clocks_that_differ() -> None:
    late = claims(exp=int(time.time()) - 10)
    assert verifier(leeway=60).read(sign(late)).user == PAVAN
    assert verifier(leeway=0).read(sign(late)) == NOBODY


# --- what is wrong ---


def signed_with_the_public_key() -> str:
    """The attack on libraries that let the token choose the algorithm: HMAC, keyed with what everybody knows."""
    unsigned = raw({"alg": "HS256", "kid": "rsa"}, claims())[7:].rpartition(".")[0]
    mac = hmac.digest(pem(RSA), unsigned.encode(), "sha256")
    return f"Bearer {unsigned}." + base64.urlsafe_b64encode(mac).decode().rstrip("=")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: raw({"alg": "none", "kid": "rsa"}, claims()), "algorithm"),
        (lambda: raw({"alg": "None", "kid": "rsa"}, claims()), "algorithm"),
        (lambda: raw({"kid": "rsa"}, claims()), "algorithm"),
        (lambda: raw({"alg": ["RS256"], "kid": "rsa"}, claims()), "algorithm"),
        (signed_with_the_public_key, "algorithm"),
        (lambda: sign(alg="RS512"), "algorithm"),
        (lambda: sign(kid="ec"), "algorithm"),
        (lambda: sign(key=OTHER), "signature"),
        (lambda: sign(claims(iss="https://evil.example")), "issuer"),
        (lambda: sign(claims(iss=[ISSUER])), "issuer"),
        (lambda: sign(claims(aud="billing")), "audience"),
        (lambda: sign(claims(exp=1)), "expired"),
        (lambda: sign(claims(nbf=int(time.time()) + 3600)), "not_yet_valid"),
        (lambda: sign(claims(iss=None)), "missing_claim"),
        (lambda: sign(claims(aud=None)), "missing_claim"),
        (lambda: sign(claims(exp=None)), "missing_claim"),
        (lambda: sign(claims(sub=None, account_id=None, email=None, name=None)), "no_user"),
        (lambda: sign(kid="unknown"), "unknown_key"),
        (lambda: sign(crit=["x"], x=1), "malformed"),
        (lambda: "Bearer " + "a" * 20_000, "too_long"),
        (lambda: "Bearer a.b.c", "malformed"),
        (lambda: "Bearer x", "malformed"),
        (lambda: "Bearer ..", "malformed"),
        (lambda: "Bearer \udcff.a.b", "malformed"),
        (lambda: raw([], claims()), "malformed"),
        (lambda: raw({"alg": "RS256", "kid": {"a": 1}}, claims()), "unknown_key"),
    ],
)
def test_a_token_with_a_fault_names_nobody_and_is_counted(make: Callable[[], str], reason: str) -> None:
    strict = verifier()
    who = strict.read(make())
    assert who is None or who == NOBODY
    assert strict.refused() == {reason: 1}


def test_a_key_set_that_says_encryption_or_holds_shared_keys_verifies_nothing() -> None:
    shared = {"kty": "oct", "kid": "rsa", "k": base64.urlsafe_b64encode(b"x" * 32).decode(), "alg": "HS256"}
    for keys in (
        [shared],
        [member(RSA, "rsa", use="enc")],
        [],
        ["text"],
        [{"kty": "RSA", "kid": "rsa"}],
        [{"kty": []}],
    ):
        with pytest.raises(UsageError):
            verifier(jwks={"keys": keys})
    mixed = verifier(jwks={"keys": [shared, member(RSA, "rsa")]})
    assert mixed.read(sign()).user == PAVAN


def test_another_scheme_than_bearer_is_no_token_and_no_fault() -> None:
    quiet = verifier()
    assert quiet.read("Basic YTpi") == NOBODY
    assert quiet.refused() == {}


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_no_value_makes_reading_raise(value: str) -> None:
    STRICT.read(value)
    STRICT.read(f"Bearer {value}")
    STRICT.read(f"{sign()}{value}")


STRICT = verifier()


def test_a_token_is_verified_once_and_forgotten_when_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    own = verifier(leeway=0)
    value = sign(claims(exp=int(time.time()) + 100))
    assert own.read(value).user == PAVAN
    monkeypatch.setattr(jwt, "decode", lambda *a, **k: pytest.fail("verified again"))
    assert own.read(value).user == PAVAN
    monkeypatch.undo()
    later = time.time() + 101
    monkeypatch.setattr(time, "time", lambda: later)
    assert own._verified[hashlib.sha256(value[7:].encode()).digest()].until < later


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from byline.capture import jwt as module

    monkeypatch.setattr(module, "_REMEMBERED", 3)
    monkeypatch.setattr(module, "_KNOWN_HEADS", 3)
    own = verifier()

    async def main() -> None:
        for n in range(10):
            assert own.prepare(sign(x=n)) is None
            assert own.read(sign(x=n)).user == PAVAN
            assert len(own._verified) <= 3
            assert len(own._known_heads) <= 3

    asyncio.run(main())


# --- settings ---


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithms": ["HS256"]},
        {"algorithms": ["RS256", "none"]},
        {"algorithms": []},
        {"jwks": None},
        {"jwks": KEYS, "public_key": "a second source"},
        {"jwks": "{"},
        {"jwks": "[]"},
        {"public_key": "no key"},
        {"jwks_url": "file:///etc/passwd"},
        {"issuer": ""},
        {"issuer": []},
        {"issuer": ["a", ""]},
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        verifier(**wrong)


def test_the_algorithms_can_be_narrowed() -> None:
    narrow = verifier(algorithms=["ES256"])
    assert narrow.read(sign(key=EC, alg="ES256", kid="ec")).user == PAVAN
    assert narrow.read(sign()) is None


# --- keys that are fetched ---


class Issuer:
    """A real HTTP server with a key set, which can be changed, broken, slow, or gone."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = KEYS
        self.body: bytes | None = None
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.gate.wait(10)
                body = issuer.body if issuer.body is not None else json.dumps(issuer.keys).encode()
                self.send_response(issuer.status)
                if issuer.status == 302:
                    self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    server = Issuer()
    yield server
    server.close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def fetching(issuer: Issuer, clock: Clock | None = None, **settings: Any) -> JwtVerifier:
    made = verifier(jwks_url=issuer.url, wait_seconds=5, **settings)
    if clock is not None:
        made._keys._clock = clock
    return made


def settle(made: JwtVerifier) -> None:
    """Wait until no fetch runs."""
    running = made._keys._running
    if running is not None:
        running.result(10)


def test_off_the_event_loop_the_first_token_waits_for_the_keys(issuer: Issuer) -> None:
    made = fetching(issuer)
    assert made.read(sign()).user == PAVAN
    assert made.read(sign(claims(sub="2"))).user.user_id == "2"
    assert issuer.asked == 1


def test_on_an_event_loop_reading_never_waits_and_asks_again_later(issuer: Issuer) -> None:
    made = fetching(issuer)
    issuer.gate.clear()

    async def main() -> None:
        assert made.read(sign()) is None
        assert made.refused() == {"no_keys": 1}
        issuer.gate.set()
        await asyncio.to_thread(settle, made)
        assert made.read(sign()).user == PAVAN

    asyncio.run(main())
    assert issuer.asked == 1


def test_a_request_is_held_asleep_until_its_key_has_come(issuer: Issuer) -> None:
    made = fetching(issuer)
    issuer.gate.clear()

    async def main() -> None:
        async def others() -> str:
            issuer.gate.set()  # only a loop that is not blocked comes here
            return "others went on"

        held = made.prepare(sign())
        assert held is not None
        _, went_on = await asyncio.gather(held, others())
        assert went_on == "others went on"
        assert made.read(sign()).user == PAVAN
        assert made.prepare(sign()) is None

    asyncio.run(main())
    assert issuer.asked == 1


def test_the_service_does_not_wait_at_its_start(issuer: Issuer) -> None:
    made = fetching(issuer)
    assert made.prepare(None) is None
    settle(made)
    assert issuer.asked == 1
    assert made.prepare(None) is None
    assert issuer.asked == 1


@pytest.mark.parametrize(
    "value", ["", "Basic YTpi", "Bearer x", raw({"alg": "none"}, {}), "Bearer " + "a" * 20_000], ids=range(5)
)
def test_a_request_without_a_token_to_check_is_not_held_and_fetches_nothing(issuer: Issuer, value: str) -> None:
    made = fetching(issuer)

    async def main() -> None:
        assert made.prepare(value) is None

    asyncio.run(main())
    assert issuer.asked == 0


def test_a_new_key_of_the_issuer_is_fetched_when_a_token_names_it(issuer: Issuer) -> None:
    clock = Clock()
    made = fetching(issuer, clock)
    assert made.read(sign()).user == PAVAN
    issuer.keys = {"keys": [member(OTHER, "new")]}
    clock.now += 31
    assert made.read(sign(key=OTHER, kid="new")).user == PAVAN
    assert made.read(sign()) is None, "the withdrawn key vouches for nobody, although its token had been verified"


def test_unknown_key_ids_fetch_no_more_often_than_the_rate_limit(issuer: Issuer) -> None:
    clock = Clock()
    made = fetching(issuer, clock)
    made.read(sign())
    for n in range(20):
        assert made.read(sign(kid=f"made-up-{n}")) is None
    assert issuer.asked == 1
    clock.now += 31
    for n in range(20):
        assert made.read(sign(kid=f"made-up-{n}")) is None
    assert issuer.asked == 2
    assert made.refused() == {"unknown_key": 40}


def test_old_keys_are_used_while_new_ones_are_fetched_for_a_day_at_most(issuer: Issuer) -> None:
    clock = Clock()
    made = fetching(issuer, clock)
    made.read(sign())
    issuer.status = 500
    clock.now += 301
    assert made.read(sign()).user == PAVAN
    settle(made)
    assert issuer.asked == 2
    clock.now += jwks.STALE_SECONDS
    assert made.read(sign()) is None
    settle(made)
    assert made.refused() == {"no_keys": 1}
    issuer.status = 200
    issuer.gate.clear()
    clock.now += 31
    assert made.read(sign()) is None, "nobody waits for an issuer that did not answer"
    issuer.gate.set()
    settle(made)
    assert made.read(sign()).user == PAVAN


def test_an_issuer_that_does_not_answer_is_waited_for_once(issuer: Issuer) -> None:
    made = verifier(jwks_url=issuer.url, wait_seconds=0.05)
    issuer.gate.clear()
    assert made.read(sign()) is None
    assert made._keys.coming() is None, "one has waited in vain: nobody else does"
    issuer.gate.set()
    settle(made)
    assert made.read(sign()).user == PAVAN


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (404, b"{}"),
        (302, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": []}'),
        (200, b"[" * 50_000),
        (200, b'{"keys": 5}'),
        (200, b" " * (jwks.MAX_BYTES + 1)),
        (200, b"\xff"),
    ],
)
def test_whatever_else_the_issuer_answers_gives_no_keys_and_no_error(
    issuer: Issuer, status: int, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.status, issuer.body = status, body
    made = fetching(issuer)
    assert made.read(sign()) is None
    settle(made)
    assert made.refused() == {"no_keys": 1}
    assert issuer.asked == 1
    assert issuer.url in caplog.text


def test_many_threads_share_one_fetch(issuer: Issuer) -> None:
    made = fetching(issuer)
    issuer.gate.clear()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(made.read(sign()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    issuer.gate.set()
    for thread in threads:
        thread.join()
    assert [who.user for who in found] == [PAVAN] * 8
    assert issuer.asked == 1


def test_a_child_fetches_for_itself_where_the_fork_took_the_thread_away(issuer: Issuer) -> None:
    made = fetching(issuer)
    issuer.gate.clear()
    made.prepare(None)
    made._keys._lock.acquire()
    child = os.fork()
    if child == 0:
        issuer.gate = threading.Event()
        who = made.read(sign())
        os._exit(0 if who is not None and who.user == PAVAN else 1)
    issuer.gate.set()
    made._keys._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    settle(made)
