"""Tokens: a good one is let in, whatever is wrong with another keeps it out, and a stranger is told nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from byline.errors import UsageError
from byline.settings import Settings
from byline.web import create_app
from byline.web.session_cookie import COOKIE
from byline.web.sign_in import Claims, sign_in_of
from tests.web import issuer
from tests.web.issuer import bearer, claims, token
from tests.web.served import Byline, an_event, served


@pytest.fixture(scope="module")
def byline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Byline]:
    made = Byline(tmp_path_factory.mktemp("byline"))
    made.take(an_event(account_id="alpha"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(byline: Byline) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket, sign_in=issuer.sign_in())) as made:
        yield made


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def unsigned(alg: str) -> str:
    return f"{part({'alg': alg, 'typ': 'JWT', 'kid': 'one'})}.{part(claims())}."


def hmac_with_the_public_key() -> str:
    public = issuer.KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{part(claims())}"
    seal = hmac.digest(public, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"


def key_of_its_own() -> str:
    """A token that brings the key it wants to be checked with (RFC 8725 §3.10)."""
    own = issuer.jwks(issuer.STRANGER, "mine")["keys"][0]
    return issuer.jwt.encode(
        claims(), issuer.STRANGER, algorithm="RS256", headers={"kid": "mine", "jwk": own, "jku": "https://evil.example"}
    )


def tampered() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{part(claims(account_id='beta'))}.{signature}"


NOW = int(time.time())
ATTACKS = {
    "signed with another key": lambda: token(key=issuer.STRANGER),
    "no algorithm": lambda: unsigned("none"),
    "no algorithm, in odd letters": lambda: unsigned("nOnE"),
    "the public key as a secret": hmac_with_the_public_key,
    "a key of its own": key_of_its_own,
    "changed claims": tampered,
    "expired": lambda: token(exp=NOW - 120),
    "no end": lambda: token(exp=None),
    "not valid yet": lambda: token(nbf=NOW + 3600),
    "issued in the future": lambda: token(iat=NOW + 3600),
    "another audience": lambda: token(aud="orders"),
    "no audience": lambda: token(aud=None),
    "another issuer": lambda: token(iss="https://evil.example"),
    "no issuer": lambda: token(iss=None),
    "unknown key id": lambda: token(kid="two"),
    "another algorithm than the key's": lambda: token(alg="PS256"),
    "a critical extension nobody knows": lambda: issuer.jwt.encode(
        claims(), issuer.KEY, algorithm="RS256", headers={"kid": "one", "crit": ["mine"], "mine": True}
    ),
    "huge": lambda: token(padding="x" * 20_000),
    "no token at all": lambda: "hello",
    "two dots": lambda: "..",
    "deep JSON": lambda: f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.e30",
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("path", ["/v1/changes", "/v1/export", "/metrics"])
def test_a_token_that_is_not_good_opens_nothing(client: httpx.Client, attack: str, path: str) -> None:
    sent = ATTACKS[attack]()
    answer = client.get(path, headers={"Authorization": f"Bearer {sent}"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="byline", error="invalid_token"'
    assert "products_master" not in answer.text
    assert client.get(path, headers={"Cookie": f"{COOKIE}={sent[:4000]}"}).status_code == 401


def test_no_token_is_asked_for_one(client: httpx.Client) -> None:
    answer = client.get("/v1/changes")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="byline"'


@pytest.mark.parametrize("header", ["Basic dTpw", "Bearer", "Bearer a b", "", "Token {}", "{}", "Bearer {}, Bearer {}"])
def test_only_one_bearer_token_is_taken_from_the_header(client: httpx.Client, header: str) -> None:
    answer = client.get("/v1/changes", headers={"Authorization": header.format(token(), token())})
    assert answer.status_code == 401


def test_a_bad_header_is_not_made_good_by_a_cookie(client: httpx.Client) -> None:
    headers = {"Authorization": "Bearer wrong", "Cookie": f"{COOKIE}={token()}"}
    assert client.get("/v1/changes", headers=headers).status_code == 401


def test_a_good_token_is_let_in_by_header_or_cookie(client: httpx.Client) -> None:
    for headers in (bearer(), {"Authorization": f"bearer {token()}"}, {"Cookie": f"{COOKIE}={token()}"}):
        answer = client.get("/v1/changes", headers=headers)
        assert answer.status_code == 200
        assert len(answer.json()["data"]) == 2


def test_a_token_without_account_and_without_the_scope_for_all_may_see_nothing(client: httpx.Client) -> None:
    for nobody in (bearer(account_id=None), bearer(account_id=""), bearer(account_id=None, scope="byline:admin")):
        answer = client.get("/v1/changes", headers=nobody)
        assert answer.status_code == 403
        assert 'scope="byline:all-accounts"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("scope", ["byline:all-accounts", "openid byline:all-accounts", ["x", "byline:all-accounts"]])
def test_scopes_come_as_text_or_as_a_list(client: httpx.Client, scope: Any) -> None:
    answer = client.get("/v1/changes", headers=bearer(account_id=None, scope=scope))
    assert len(answer.json()["data"]) == 2


@pytest.mark.parametrize("scope", ["byline:all-accountsx", "BYLINE:ALL-ACCOUNTS", "byline", {"byline:all-accounts": 1}])
def test_a_scope_is_the_whole_word(client: httpx.Client, scope: Any) -> None:
    assert client.get("/v1/changes", headers=bearer(account_id=None, scope=scope)).status_code == 403


@pytest.mark.parametrize("exp", [10**18, 10**400], ids=["far", "farther"])
def test_a_token_that_ends_in_another_age_opens_a_session_all_the_same(client: httpx.Client, exp: int) -> None:
    endless = token(exp=exp)
    assert client.get("/v1/changes", headers={"Authorization": f"Bearer {endless}"}).status_code == 200
    opened = client.post("/session", json={"token": endless})
    assert (opened.status_code, opened.json()["expires_at"]) == (200, "9999-12-31T23:59:59Z")


def test_claims_are_found_where_the_settings_say(byline: Byline) -> None:
    said_by = Claims(account="https://example.com/org", scope="realm.roles")
    with served(create_app(byline.history, byline.bucket, sign_in=issuer.sign_in(said_by=said_by))) as client:
        found = client.get("/v1/changes", headers=bearer(account_id=None, **{"https://example.com/org": "alpha"}))
        assert len(found.json()["data"]) == 2
        admin = bearer(account_id=None, realm={"roles": ["byline:all-accounts"]})
        assert client.get("/v1/changes", headers=admin).status_code == 200
        assert client.get("/v1/changes", headers=bearer(scope="byline:all-accounts")).status_code == 403


class Keys(ThreadingHTTPServer):
    """An issuer that publishes its keys, and counts who asks."""

    daemon_threads = True
    published: dict[str, Any] | None = issuer.jwks()
    asked = 0


class Answer(BaseHTTPRequestHandler):
    server: Keys

    def do_GET(self) -> None:
        self.server.asked += 1
        body = json.dumps(self.server.published).encode()
        self.send_response(200 if self.server.published else 500)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def published() -> Iterator[Keys]:
    with Keys(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_keys_are_fetched_once_and_unknown_key_ids_ask_again_only_now_and_then(byline: Byline) -> None:
    with published() as keys:
        trusting = issuer.sign_in(jwks_url=f"http://127.0.0.1:{keys.server_port}/keys")
        with served(create_app(byline.history, byline.bucket, sign_in=trusting)) as client:
            assert client.get("/v1/changes", headers=bearer()).status_code == 200
            for number in range(20):
                assert client.get("/v1/changes", headers=bearer(kid=f"made-up-{number}")).status_code == 401
            assert client.get("/v1/changes", headers=bearer()).status_code == 200
            assert keys.asked == 1


def test_an_issuer_that_does_not_answer_is_told_as_such(byline: Byline) -> None:
    with published() as keys:
        keys.published = None
        trusting = issuer.sign_in(jwks_url=f"http://127.0.0.1:{keys.server_port}/keys")
        with served(create_app(byline.history, byline.bucket, sign_in=trusting)) as client:
            answer = client.get("/v1/changes", headers=bearer())
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_health_is_open_and_tells_a_stranger_nothing_but_that_it_works(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/health", headers=bearer()).json() == {"status": "ok"}
    assert client.get("/health", headers={"Authorization": "Bearer wrong"}).json() == {"status": "ok"}
    told = client.get("/health", headers=bearer(scope="byline:admin")).json()
    assert told["history"]["objects"] == 1


def test_sign_in_is_set_up_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    given = {"BYLINE_JWT_ISSUER": "i", "BYLINE_JWT_AUDIENCE": "a", "BYLINE_JWT_JWKS": issuer.JWKS}
    assert sign_in_of(Settings.load(tmp_path, {})) is None
    assert sign_in_of(Settings.load(tmp_path, given)) is not None
    for left_out in given:
        settings = Settings.load(tmp_path, {name: value for name, value in given.items() if name != left_out})
        with pytest.raises(UsageError, match=left_out):
            sign_in_of(settings)


def test_keys_that_are_none_are_refused_at_the_start(tmp_path: Path) -> None:
    given = {"BYLINE_JWT_ISSUER": "i", "BYLINE_JWT_AUDIENCE": "a", "BYLINE_JWT_JWKS": '{"keys": []}'}
    with pytest.raises(UsageError, match="keys"):
        sign_in_of(Settings.load(tmp_path, given))
