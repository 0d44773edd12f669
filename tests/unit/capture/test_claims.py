"""The actor in a token's claims, where a gateway has verified the token."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.claims import ClaimMap, GatewayVerified, claim
from byline.capture.request_context import NOBODY, Vouched
from byline.model.event import User

CLAIMS = {"sub": "206483f8", "account_id": 17, "email": "pavan@eunimart.com", "name": "Pavan Kumar"}
PAVAN = User("17", "206483f8", "pavan@eunimart.com", "Pavan Kumar")


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(claims: Any) -> str:
    return f"{part({'alg': 'none'})}.{part(claims)}.c2ln"


# --- which claim is what ---


def test_the_usual_claims_need_no_settings() -> None:
    assert ClaimMap().user(CLAIMS) == PAVAN


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("account", {"account": "a"}),
        ("realm.account.id", {"realm": {"account": {"id": "a"}}}),
        ("https://example.com/account", {"https://example.com/account": "a"}),
        ("https://example.com/realm.account.id", {"https://example.com/realm": {"account": {"id": "a"}}}),
        ("cognito:username", {"cognito:username": "a"}),
        ("a.b", {"a.b": "a", "a": {"b": "other"}}),
        ("a.b.c", {"a.b": {"x": 1}, "a": {"b.c": "a"}}),
    ],
)
def test_a_claim_is_found_by_its_name_or_by_a_dotted_path(path: str, claims: dict[str, Any]) -> None:
    assert claim(claims, path) == "a"
    assert ClaimMap(account_id=path).user(claims) == User(account_id="a")


@pytest.mark.parametrize("claims", [{}, {"a": "text"}, {"a": ["b"]}, {"a": {}}, {"a": {"b": None}}, "a.b", None])
def test_a_path_that_leads_nowhere_gives_nothing(claims: Any) -> None:
    assert claim(claims, "a.b") is None


@pytest.mark.parametrize("odd", [True, 1.5, [], {}, None, ""])
def test_a_claim_that_is_no_name_and_no_id_names_nobody(odd: Any) -> None:
    assert ClaimMap().user({"sub": odd}) is None


# --- the gateway's word ---


def test_the_gateways_word_is_taken_and_said_to_be_the_gateways() -> None:
    assert GatewayVerified().read(f"Bearer {token(CLAIMS)}") == Vouched(PAVAN, "gateway")


@pytest.mark.parametrize(
    "value",
    [
        token(CLAIMS),
        f"bearer   {token(CLAIMS)} ",
        part(CLAIMS),
        base64.b64encode(json.dumps(CLAIMS).encode()).decode(),
    ],
)
def test_a_token_or_only_its_claims_may_stand_in_any_header(value: str) -> None:
    reader = GatewayVerified("X-JWT-Payload", claims=ClaimMap(email="nothing"))
    assert reader.header == "x-jwt-payload"
    assert reader.read(value).user == User("17", "206483f8", None, "Pavan Kumar")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "a.b",
        "a.b.c",
        "Bearer a.é.c",
        f"x.{part([1])}.y",
        f"x.{part('text')}.y",
        "....",
        "x." + "A" * 20_000 + ".y",
        f"x.{base64.urlsafe_b64encode(b'[' * 9000).decode()}.y",
        "x.\udcff.y",
        f"x.{part({})}.y",
    ],
)
def test_a_value_that_is_no_token_names_nobody(value: str) -> None:
    assert GatewayVerified().read(value) == NOBODY


@given(st.text())
def test_no_value_makes_reading_raise(value: str) -> None:
    GatewayVerified().read(value)
    GatewayVerified().read(f"Bearer x.{value}.y")


def test_there_is_nothing_to_wait_for() -> None:
    assert GatewayVerified().prepare(None) is None
    assert GatewayVerified().prepare("Bearer x") is None
