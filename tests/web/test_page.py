"""The pages: sentences, escaped; nothing stands in line that could run, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from byline.web import create_app
from tests.web.served import Byline, an_event, served

ATTACKS = (
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "<!--",
    "]]>",
    "&lt;script&gt;",
    "<style>*{display:none}</style>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "\u202e<b>\u2066",
    "<scr\x00ipt>",
    "a\r\nSet-Cookie: a=b",
)

TABS = ("steps", "json", "patch")

KNOWN_TAGS = {
    *("html", "head", "meta", "title", "link", "body", "header", "nav", "main", "section", "article", "footer", "div"),
    *("a", "p", "b", "i", "span", "bdi", "code", "time", "h1", "h2", "h3", "ul", "ol", "li", "dl", "dt", "dd"),
    *(
        "del",
        "ins",
        "details",
        "summary",
        "script",
        "form",
        "input",
        "label",
        "select",
        "option",
        "button",
        "kbd",
        "dialog",
    ),
    *(
        "svg",
        "line",
        "rect",
        "circle",
        "text",
        "figure",
        "figcaption",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
    ),
    "textarea",
}


class Reader(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def byline(tmp_path: Path) -> Byline:
    return Byline(tmp_path / "data")


@pytest.fixture
def client(byline: Byline) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket)) as made:
        yield made


def words(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", Reader(answer.text).text)


def test_a_change_is_told_as_a_sentence(byline: Byline, client: httpx.Client) -> None:
    byline.take(an_event())
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Pavan Kumar changed inventory and title of products_master 1." in words(answer)
    assert "Wednesday, 29 July 2020" in words(answer)


def test_events_of_one_request_are_one_story(byline: Byline, client: httpx.Client) -> None:
    byline.take(an_event(), an_event(event_id=None, micro_service_name="orders", table_id="orders"))
    assert "Pavan Kumar changed 2 entities in 2 services, in one request." in words(client.get("/"))
    assert client.get("/").text.count("<article ") == 1


def test_a_page_before_anything_happened_says_what_to_do(client: httpx.Client) -> None:
    assert "byline put" in words(client.get("/"))


def test_a_filter_that_matches_nothing_says_so_and_can_be_taken_away(byline: Byline, client: httpx.Client) -> None:
    byline.take(an_event())
    answer = client.get("/", params={"table_id": "orders", "user_id": "a&b=<c>"})
    assert "Nothing matches" in words(answer)
    assert 'href="/?user_id=a%26b%3D%3Cc%3E"' in answer.text
    assert 'href="/?table_id=orders"' in answer.text


def test_the_page_goes_on_by_cursor(byline: Byline, client: httpx.Client) -> None:
    byline.take(*(an_event(event_id=None, entity_id=str(n), info={"request_id": f"r{n}"}) for n in range(5)))
    told: list[str] = []
    path: str | None = "/?limit=2"
    while path:
        answer = client.get(path)
        assert answer.status_code == 200
        told += re.findall(r"products_master (\d)", words(answer))
        older = re.search(r'href="(/\?[^"]*cursor=[^"]*)"', answer.text)
        path = older[1].replace("&amp;", "&") + "&limit=2" if older else None
    assert sorted(told) == list("01234")


@pytest.mark.parametrize("attack", ATTACKS)
def test_stored_text_never_becomes_markup(byline: Byline, client: httpx.Client, attack: str) -> None:
    hostile = an_event(
        event_id=attack,
        table_id=f"t{attack}",
        entity_id=f"e{attack}",
        micro_service_name=f"s{attack}",
        old_data={attack: attack, "title": f"one {attack} two three four five"},
        new_data={attack: f"{attack}!", "title": f"one {attack} two three four six", f"{attack}2": {"deep": [attack]}},
        info={
            "request_id": f"r{attack}"[:128],
            "ip_address": attack,
            "user": {"user_id": attack, "user_name": attack, "email": attack},
            "job": attack,
            "miscellaneous": {"user_agent": attack},
        },
    )
    byline.take(
        hostile,
        {**hostile, "event_id": None, "action": "create", "old_data": None, "entity_id": 2},
        {**hostile, "event_id": None, "action": "delete", "new_data": None, "entity_id": 3},
    )
    front = client.get("/")
    filtered = client.get("/", params={"table_id": f"t{attack}"})
    nothing = client.get("/", params={"table_id": attack, "current_value": attack})
    wrong = client.get("/", params={attack: attack}, headers={"Accept": "text/html"})
    assert [answer.status_code for answer in (front, filtered, nothing, wrong)] == [200, 200, 200, 400]
    told = client.get("/v1/events").json()["data"][0]
    others = [
        client.get("/entity", params={"table_id": f"t{attack}", "entity_id": told["entity_id"]}),
        client.get("/entity", params={"table_id": f"t{attack}", "entity_id": f"e{attack}"}),
        *(client.get("/request", params={"request_id": told["request_id"], "undo": tab}) for tab in TABS),
        client.get("/user", params={"user_id": attack}),
        client.get("/user", params={"user_id": attack, "current_value": attack}),
        client.get("/find", params={"q": f"{attack} never"}),
    ]
    assert [answer.status_code for answer in others] == [200] * len(others)
    assert front.text.count("<article ") == 1, "three events of one request"
    for answer in (front, filtered, nothing, wrong, *others):
        seen = Reader(answer.text)
        assert seen.tags <= KNOWN_TAGS
        assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("style", "srcdoc")]
        assert [value for name, value in seen.attributes if name == "src"] == ["/static/byline.js"]
        links = [value or "" for name, value in seen.attributes if name == "href"]
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in links)
        assert "Set-Cookie" not in answer.headers


def test_a_huge_event_does_not_make_a_huge_page(byline: Byline, client: httpx.Client) -> None:
    names = {f"attribute_{number}": "x" * 1_000 for number in range(3_000)}
    huge = an_event(
        table_id="t" * 100_000,
        entity_id="e" * 100_000,
        micro_service_name="s" * 100_000,
        new_data={**names, "n" * 100_000: "v" * 100_000},
        info={"ip_address": "i" * 100_000, "user": {"user_id": "u" * 100_000, "user_name": "w" * 100_000}},
    )
    byline.take(huge)
    page = client.get("/")
    assert page.status_code == 200
    assert len(page.content) < 500_000
    assert "50 of 3001" in words(page)


def test_many_huge_events_do_not_make_a_huge_page(byline: Byline, client: httpx.Client) -> None:
    text = "word " * 1_000
    many = {f"attribute_{number}": f"{number} {text}" for number in range(60)}
    huge = [
        an_event(event_id=None, entity_id=str(n), old_data=many, new_data={k: f"x{v}" for k, v in many.items()})
        for n in range(20)
    ]
    byline.take(*huge)
    page = client.get("/", params={"table_id": "products_master"})
    assert page.text.count("<article ") == 1
    whole = client.get("/request", params={"request_id": huge[0]["request_info"]["request_id"]})
    entity = client.get("/entity", params={"table_id": "products_master", "entity_id": "1"})
    for answer in (page, whole, entity):
        assert answer.status_code == 200
        assert len(answer.content) < 4_000_000


def test_the_policy_lets_nothing_run_and_nothing_in_from_elsewhere(byline: Byline, client: httpx.Client) -> None:
    byline.take(an_event())
    for path in ("/", "/docs"):
        answer = client.get(path)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert all("unsafe" not in value and "http" not in value for value in policy.values())
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "style" not in Reader(answer.text).tags
        assert answer.text.count("<script") == 1
        assert '<script src="/static/byline.js" defer></script>' in answer.text


def test_stylesheet_script_and_icon_come_from_here(client: httpx.Client) -> None:
    links = [value for name, value in Reader(client.get("/").text).attributes if name in ("href", "src") and value]
    paths = [link for link in links if link.startswith("/static/")]
    assert len(paths) == 3
    for path in paths:
        assert client.get(path).status_code == 200
    assert "text/css" in client.get("/static/byline.css").headers["content-type"]


def test_every_link_of_the_page_leads_somewhere(byline: Byline, client: httpx.Client) -> None:
    byline.take(an_event(), an_event(event_id=None, action="delete", new_data=None, table_id="a & b", entity_id="ü/?#"))
    links = {value for name, value in Reader(client.get("/").text).attributes if name == "href" and value}
    assert len(links) > 8
    for link in links - {"#main"}:
        answer = client.get(link)
        assert answer.status_code == 200, link
        assert "Nothing matches" not in answer.text, link


def test_a_browser_gets_its_errors_as_a_page_and_a_program_as_a_problem(client: httpx.Client) -> None:
    page = client.get("/?limit=0", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 400
    assert page.headers["content-type"].startswith("text/html")
    assert re.search(r"limit ?must be a whole number from 1 to 200", words(page))
    assert client.get("/?limit=0").headers["content-type"] == "application/problem+json"
    api = client.get("/v1/changes?limit=0", headers={"Accept": "text/html"})
    assert api.headers["content-type"] == "application/problem+json"
