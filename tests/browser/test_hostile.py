"""Stored text never runs: hostile in every field, looked at in a real browser, on every page and in the element."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import EMBEDDING, Shop, opened
from tests.web.served import Byline

ATTACKS = (
    "<script>alert(1)</script>",
    "</title></bdi></code><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "\"><svg onload=alert(1) x='",
    "' onmouseover='alert(1)' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "{{7*7}}${alert(1)}{% include '/etc/passwd' %}",
    "<style>*{display:none}</style><base href=//evil.example>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "--><byline-timeline token=x></byline-timeline><!--",
    "\u202e\u2066\u200b\ufeff<b>bold</b>\x00\x1b[31m",
    "*/}</style><link rel=stylesheet href=//evil.example/x.css>",
    "`'\"\\$(touch /tmp/x);%0aSet-Cookie:a=b",
)


def hostile(attack: str, number: int) -> list[dict[str, Any]]:
    """The three actions, with the attack in every field that a sender can fill."""
    at = datetime(2026, 7, 23, 12, number, tzinfo=UTC).isoformat()
    told = {
        "table_id": f"t{attack}",
        "entity_id": f"e{attack}",
        "micro_service_name": f"s{attack}",
        "account_id": f"a{attack}",
        "source": attack,
        "action": "update",
        "old_data": {attack: attack, "title": f"{attack} two three four five", "gone": attack},
        "new_data": {attack: f"{attack}!", "title": f"{attack} two three four six", "deep": {attack: [attack]}},
        "request_info": {
            "time_stamp": at,
            "request_id": f"r{attack}"[:128],
            "trace_id": attack,
            "verified_by": attack,
            "ip_address": attack,
            "user": {"account_id": attack, "user_id": attack, "user_name": attack, "email": attack},
            "miscellaneous": {"user_agent": attack},
        },
    }
    by_job = {**told["request_info"], "job": attack, "request_id": f"j{attack}"[:128]}
    return [
        {**told, "action": "create", "old_data": None},
        told,
        {**told, "action": "delete", "new_data": None, "request_info": by_job},
        {**told, "entity_id": f"f{attack}", "old_data": {"x": 3}, "new_data": {"x": 4}, "request_info": by_job},
    ]


@pytest.fixture(scope="module")
def hostile_shop(tmp_path_factory: pytest.TempPathFactory, foreign_port: int) -> Iterator[Shop]:
    byline = Byline(tmp_path_factory.mktemp("hostile") / "data")
    for number, attack in enumerate(ATTACKS):
        byline.take(*hostile(attack, number))
        byline.take_bytes(
            json.dumps({**hostile(attack, number)[0], "action": attack}).encode() + b"\n" + attack.encode()
        )
    with opened(byline, f"{EMBEDDING}:{foreign_port}") as made:
        yield made


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(bypass_csp=True)
    yield context.new_page()
    context.close()


KNOWN_INSIDE = {
    *(
        "ol",
        "li",
        "p",
        "span",
        "bdi",
        "code",
        "dl",
        "div",
        "dt",
        "dd",
        "del",
        "ins",
        "i",
        "time",
        "footer",
        "button",
        "a",
    )
}

INNOCENT = """() => {
    const bad = [], never = ['IFRAME', 'OBJECT', 'EMBED', 'BASE', 'STYLE', 'IMG', 'BYLINE-TIMELINE'];
    for (const e of document.querySelectorAll('*')) {
        if (never.includes(e.tagName)) bad.push(e.outerHTML);
        if (e.tagName === 'SCRIPT' && e.getAttribute('src') !== '/static/byline.js') bad.push(e.outerHTML);
        for (const a of e.attributes) {
            if (/^on/i.test(a.name) || ['style', 'autofocus', 'srcdoc'].includes(a.name)) bad.push(e.outerHTML);
            if (['href', 'action', 'src'].includes(a.name) && !/^([/#](?!\\/)|$)/.test(a.value)) bad.push(e.outerHTML);
        }
    }
    return bad;
}"""


class Alarm:
    """Rings where something runs, or is fetched from elsewhere."""

    def __init__(self, page: Page, home: str) -> None:
        self.rung: list[str] = []
        self._page, self._home = page, home
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.rung.append(dialog.message)
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self._home):
            self.rung.append(request.url)

    def stop(self) -> None:
        self._page.remove_listener("dialog", self._dialog)
        self._page.remove_listener("request", self._request)


@pytest.fixture
def alarm(page: Page, hostile_shop: Shop) -> Iterator[Alarm]:
    made = Alarm(page, hostile_shop.url)
    yield made
    made.stop()
    assert made.rung == []


def look(page: Page, shop: Shop, path: str, **asked: str) -> None:
    """Even without the policy, which would stop what got through."""
    page.goto(f"{shop.url}{path}?{urlencode(asked)}" if asked else f"{shop.url}{path}")
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert page.evaluate(INNOCENT) == []


@pytest.mark.usefixtures("alarm")
def test_the_front_page_and_the_dead_letters_run_nothing(page: Page, hostile_shop: Shop) -> None:
    look(page, hostile_shop, "/", limit="200")
    assert page.locator("article").count() >= len(ATTACKS)
    look(page, hostile_shop, "/dead-letters")
    assert page.locator(".letter").count() >= len(ATTACKS)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("number", range(len(ATTACKS)))
def test_no_page_runs_what_was_stored(page: Page, hostile_shop: Shop, number: int) -> None:
    attack = ATTACKS[number]
    shown = page.request.get(f"{hostile_shop.url}/v1/events", params={"user_id": attack}).json()
    told = shown["data"][-1]
    look(page, hostile_shop, "/entity", table_id=told["table_id"], entity_id=told["entity_id"])
    look(page, hostile_shop, "/request", request_id=told["request_id"])
    look(page, hostile_shop, "/user", user_id=told["user_id"], table_id=told["table_id"])
    look(page, hostile_shop, "/", table_id=told["table_id"], attribute=attack, current_value=attack)
    look(page, hostile_shop, "/find", q=f"{attack} never")


def test_the_element_runs_nothing_either(
    chromium: Browser, hostile_shop: Shop, foreign_folder: Path, foreign_port: int
) -> None:
    text = f"<!doctype html><script src='{hostile_shop.url}/static/byline-timeline.js'></script><main></main>"
    (foreign_folder / "hostile.html").write_text(text)
    context = chromium.new_context()
    page = context.new_page()
    alarm = Alarm(page, f"{EMBEDDING}:{foreign_port}")
    page.goto(f"{EMBEDDING}:{foreign_port}/hostile.html")
    for attack in ATTACKS:
        page.evaluate(
            """([table, entity]) => {
                const made = document.createElement('byline-timeline');
                made.setAttribute('table', table);
                made.setAttribute('entity', entity);
                document.querySelector('main').append(made);
            }""",
            [f"t{attack}", f"e{attack}"],
        )
    expect(page.locator("byline-timeline").last.locator("li").first).to_be_visible()
    page.wait_for_function(
        "[...document.querySelectorAll('byline-timeline')].every(e => e.shadowRoot.querySelector('li'))"
    )
    inside = page.evaluate(
        "[...document.querySelectorAll('byline-timeline')].flatMap(e => [...e.shadowRoot.querySelectorAll('*')])"
        ".map(e => e.tagName.toLowerCase())"
    )
    assert set(inside) <= KNOWN_INSIDE
    assert [url for url in alarm.rung if not url.startswith(hostile_shop.url)] == []
    context.close()
