"""Sessions: a cookie that only our own pages can have, and that no other site's page can use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from byline.web import create_app
from byline.web.routes_session import MAX_COOKIE, local_path
from byline.web.session_cookie import COOKIE
from tests.web import issuer
from tests.web.issuer import bearer, token
from tests.web.served import Byline, an_event, served

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def byline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Byline]:
    made = Byline(tmp_path_factory.mktemp("byline"))
    made.take(an_event(account_id="alpha"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(byline: Byline) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket, queue=byline.queue, sign_in=issuer.sign_in())) as made:
        yield made


def origin(client: httpx.Client) -> dict[str, str]:
    return {"Origin": str(client.base_url).rstrip("/")}


def cookie(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"]


def test_a_session_is_a_cookie_that_scripts_and_other_sites_cannot_reach(client: httpx.Client) -> None:
    answer = client.post("/session", json={"token": token()}, headers=origin(client))
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["account_id"]) == ("Asha Rao", "alpha")
    name, *attributes = cookie(answer).split("; ")
    assert name.startswith(f"{COOKIE}=ey")
    assert COOKIE.startswith("__Host-")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(attributes)
    assert "domain" not in cookie(answer).lower()
    [age] = [one for one in attributes if one.startswith("Max-Age=")]
    assert 0 < int(age.removeprefix("Max-Age=")) <= 300
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/v1/changes", headers={"Cookie": name}).status_code == 200


@pytest.mark.parametrize("blank", ["\xa0", "\x85", "\x1f"])
def test_a_cookie_that_a_neighbour_site_may_set_is_no_session(client: httpx.Client, blank: str) -> None:
    """A browser lets no other site of the domain set ``__Host-…``, but anything that only begins like it."""
    good = f"__Host-byline={token()}"
    for sent, status in ((good, 200), (f"a=b; {good}; c=d", 200), (f"{blank}{good}", 401), (f"a=b;{blank}{good}", 401)):
        answer = client.get("/v1/changes", headers=[(b"cookie", sent.encode("latin-1"))])
        assert (sent, answer.status_code) == (sent, status)


def test_a_form_opens_a_session_and_goes_on_where_it_says(client: httpx.Client) -> None:
    sent = {"token": f" {token()}\n", "next": "/entity?table_id=orders&entity_id=1"}
    answer = client.post("/session", data=sent, headers=origin(client))
    assert (answer.status_code, answer.headers["location"]) == (303, sent["next"])
    assert COOKIE in cookie(answer)


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "/a\r\nX: y",
        "javascript:alert(1)",
        "/é",
        "",
    ],
)
def test_nobody_is_sent_to_another_site(client: httpx.Client, next: str) -> None:
    answer = client.post("/session", data={"token": token(), "next": next}, headers=origin(client))
    assert answer.headers["location"] == "/"
    assert local_path(next) == "/"
    assert client.get("/sign-in", params={"next": next} if next else {}).text.count("evil.example") == 0


def test_a_bad_token_opens_no_session_and_the_page_says_why(client: httpx.Client) -> None:
    answer = client.post("/session", json={"token": token(exp=1)}, headers=origin(client))
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    page = client.post("/session", data={"token": token(exp=1)}, headers=origin(client) | HTML)
    assert (page.status_code, "set-cookie" in page.headers) == (401, False)
    assert "expired" in page.text
    nobody = client.post("/session", json={"token": token(account_id=None)}, headers=origin(client))
    assert nobody.status_code == 403


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"token": 1}', b'{"token": ""}', b'{"token": "x", "y": 1}', b"\xff"]
)
def test_a_body_that_holds_no_token_is_told_so(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["token"]


def test_a_token_that_no_cookie_can_hold_is_refused_with_the_reason(client: httpx.Client) -> None:
    answer = client.post("/session", json={"token": token(padding="x" * MAX_COOKIE)}, headers=origin(client))
    assert answer.status_code == 400
    assert "cookie" in answer.json()["errors"][0]["detail"]
    huge = client.post("/session", content=b"x" * 100_000, headers={"Content-Type": "application/json"})
    assert huge.status_code == 413


def test_a_session_ends_by_call_and_by_form(client: httpx.Client) -> None:
    ended = client.delete("/session", headers=origin(client))
    assert ended.status_code == 204
    by_form = client.post("/sign-out", headers=origin(client))
    assert by_form.status_code == 303
    for answer in (ended, by_form):
        assert cookie(answer).startswith(f'{COOKIE}=""')
        assert "Max-Age=0" in cookie(answer)
        assert "Secure" in cookie(answer)


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/session"),
        ("DELETE", "/session"),
        ("POST", "/sign-out"),
        ("POST", "/v1/events"),
        ("POST", "/v1/dead-letters/0123456789abcdef/replay"),
        ("POST", "/"),
    ],
)
def test_another_sites_page_can_change_nothing(
    client: httpx.Client, method: str, path: str, foreign: dict[str, str]
) -> None:
    session = {"Cookie": f"{COOKIE}={token(scope='byline:admin byline:write')}"}
    answer = client.request(method, path, headers={**session, **foreign})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_session_that_does_not_say_where_it_comes_from_can_change_nothing(client: httpx.Client) -> None:
    session = {"Cookie": f"{COOKIE}={token(scope='byline:admin')}"}
    assert client.post("/v1/dead-letters/0123456789abcdef/replay", headers=session).status_code == 403
    ours = client.post("/v1/dead-letters/0123456789abcdef/replay", headers=session | origin(client))
    assert ours.status_code == 404
    program = client.post("/v1/dead-letters/0123456789abcdef/replay", headers=bearer(scope="byline:admin"))
    assert program.status_code == 404


def test_a_page_without_a_session_leads_to_sign_in_and_back(client: httpx.Client) -> None:
    answer = client.get("/?table_id=orders", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2F%3Ftable_id%3Dorders"
    page = client.get(answer.headers["location"], headers=HTML)
    assert page.status_code == 200
    assert 'value="/?table_id=orders"' in page.text
    assert client.get("/v1/changes", headers=HTML).status_code == 401


def test_where_readers_sign_in_elsewhere_they_are_sent_there_and_that_page_may_open_the_session(byline: Byline) -> None:
    elsewhere = "https://login.example/byline?tenant=1"
    app = create_app(byline.history, byline.bucket, queue=byline.queue, sign_in=issuer.sign_in(url=elsewhere))
    with served(app) as client:
        answer = client.get("/sign-in", params={"next": "/x"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{elsewhere}&next=%2Fx")
        back = {"Origin": "https://login.example"}
        assert client.post("/session", data={"token": token()}, headers=back).status_code == 303
        assert client.post("/sign-out", headers=back).status_code == 403
        assert client.delete("/session", headers=back).status_code == 403


def test_where_nobody_signs_in_there_is_no_session(byline: Byline) -> None:
    with served(create_app(byline.history, byline.bucket)) as client:
        answer = client.post("/session", json={"token": token()})
        assert answer.status_code == 404
        assert client.get("/sign-in").headers["location"] == "/"
        foreign: dict[str, Any] = {"headers": {"Origin": "https://evil.example"}}
        assert client.post("/v1/events", **foreign).status_code == 403
