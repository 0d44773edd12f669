"""The timeline inside a page of somebody else, on an origin of its own."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import EMBEDDING, Shop

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Edit product</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src {home}; connect-src {home}; style-src 'self'">
<script src="{home}/static/byline-timeline.js" defer></script></head>
<body><main><h1>Edit product</h1>
<byline-timeline table="{table}" entity="{entity}" limit="5"></byline-timeline>
</main></body></html>
"""


@pytest.fixture(scope="module")
def foreign(foreign_server: ThreadingHTTPServer, foreign_folder: Path, the_shop: Shop) -> str:
    for name, table, entity in (("product", "products_master", "1"), ("nothing", "products_master", "none")):
        text = PAGE.format(home=the_shop.url, table=table, entity=entity)
        (foreign_folder / f"{name}.html").write_text(text)
    return f"{EMBEDDING}:{foreign_server.server_port}"


@pytest.fixture
def page(chromium: Browser, foreign: str) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 480, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(f"{foreign}/product.html")
    yield opened
    context.close()
    assert errors == []


def test_the_element_tells_what_the_page_tells(page: Page) -> None:
    items = page.locator("byline-timeline li")
    expect(items.first).to_contain_text("Pavan Kumar changed inventory and title.")
    assert items.first.locator("ins .differs").all_inner_texts() == ["4gb"]
    told = [" ".join(text.split()) for text in items.all_inner_texts()]
    assert [text for text in told if "inventory went from 10 to 7 outside the recorded services." in text]
    assert told[0].endswith("product_management")


def test_older_changes_come_below_until_there_are_none(page: Page) -> None:
    items = page.locator("byline-timeline li")
    expect(items).to_have_count(6)
    older = page.get_by_role("button", name="Older changes")
    older.click()
    expect(items).to_have_count(11)
    older.click()
    expect(items).to_have_count(15)
    expect(older).to_be_hidden()


def test_it_leads_to_the_entitys_own_page(page: Page, the_shop: Shop) -> None:
    link = page.get_by_role("link", name="Open in Byline")
    expect(link).to_have_attribute("href", f"{the_shop.url}/entity?table_id=products_master&entity_id=1")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_it_takes_the_hosts_looks_by_css_variables(page: Page) -> None:
    page.evaluate("document.querySelector('byline-timeline').style.setProperty('--byline-accent', 'rgb(1, 2, 3)')")
    colour = page.get_by_role("link", name="Open in Byline").evaluate("link => getComputedStyle(link).color")
    assert colour == "rgb(1, 2, 3)"


def test_a_changed_attribute_reads_again(page: Page) -> None:
    items = page.locator("byline-timeline li")
    expect(items.first).to_contain_text("Pavan Kumar")
    page.evaluate("document.querySelector('byline-timeline').setAttribute('entity', '2207')")
    expect(items).to_have_count(1)
    expect(items.first).to_contain_text("Tomás Rivera created it.")


def test_an_entity_without_a_history_says_so(page: Page, foreign: str) -> None:
    page.goto(f"{foreign}/nothing.html")
    expect(page.get_by_role("status")).to_have_text("Nothing has changed yet.")


def test_it_wraps_in_a_narrow_column(page: Page) -> None:
    page.set_viewport_size({"width": 300, "height": 900})
    expect(page.locator("byline-timeline li").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 300


def test_it_shuts_nobody_out(page: Page) -> None:
    expect(page.locator("byline-timeline li").first).to_be_visible()
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()


def test_an_origin_that_is_not_named_is_refused_by_the_browser(page: Page, foreign: str) -> None:
    page.goto(f"{foreign.replace('localhost', '127.0.0.1')}/product.html")
    expect(page.get_by_role("status")).to_have_text("Byline cannot be reached from here.")
