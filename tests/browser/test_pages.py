"""Every page: what it says, with a script and without, for those who do not see it, and on small screens."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.browser.samples import PEOPLE, REFUND, REPRICE

PRODUCT = "/entity?table_id=products_master&entity_id=1"
PAVAN = f"/user?user_id={PEOPLE['Pavan Kumar'][0]}"

PAGES = {
    "/?limit=60": "What changed",
    "/?attribute=status&current_value=REFUNDED&limit=20": "Who set status to REFUNDED?",
    "/?attribute=status&current_value=REFUNDET&table_id=orders": "No one set status to REFUNDET",
    PRODUCT: "products_master 1",
    f"/request?request_id={REFUND}": "Lena Fischer changed 5 entities in 3 services",
    f"/request?request_id={REFUND}&undo=patch": "Lena Fischer changed 5 entities in 3 services",
    f"/request?request_id={REPRICE}": "The job reprice_catalogue changed price of 48 entities in 1 service",
    f"{PAVAN}&limit=40": "Pavan Kumar",
    "/dead-letters": "3 events could not be read",
    "/find?q=zzz": "Nothing is called that",
    "/unexplained": "Changed outside the recorded services",
    "/docs": "The HTTP API",
}
PROBLEMS = {"/nothing": "Nothing is here", "/?limit=0": "This call is wrong"}


def heading(page: Page) -> str:
    return " ".join(page.locator("h1").inner_text().split())


WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.mark.parametrize("path", {**PAGES, **PROBLEMS})
def test_a_page_is_there_for_everyone(opener: Opener, path: str) -> None:
    """One look at each page, since opening it is most of the time: what it says without a script and with one, to those
    who do not see it, in the light and in the dark, and on small screens."""
    watch = path not in PROBLEMS
    page, plain = opener(path, watch=watch), opener(path, java_script_enabled=False, watch=watch)
    assert heading(page) == heading(plain) == {**PAGES, **PROBLEMS}[path]
    assert plain.locator("article").count() == page.locator("article").count()
    if REPRICE not in path:
        shuts_nobody_out(page)
    scrolls_only_down(page)


def shuts_nobody_out(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(19, 21, 23)"
    # Nothing but the colours differs there.
    faint = page.evaluate("axe.run({runOnly: ['color-contrast']}).then(found => found.violations)")
    page.emulate_media(color_scheme="light")
    assert faint == []


def scrolls_only_down(page: Page) -> None:
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    for width in (320, 768):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 "
            "&& e.checkVisibility() && !e.closest('pre, svg, .aloud, .skip')).map(e => e.outerHTML.slice(0, 120))"
        )
        assert wide == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_small_screens_hide_is_behind_the_menu(opener: Opener) -> None:
    page = opener("/", width=390)
    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("navigation", name="Menu").get_by_role("link", name="Dead letters").click()
    assert heading(page) == "3 events could not be read"


def test_targets_are_large_enough_for_a_finger(opener: Opener) -> None:
    page = opener("/dead-letters", width=390)
    for button in page.locator("main button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_times_are_told_in_the_readers_zone_with_utc_on_hover(opener: Opener) -> None:
    page = opener("/", timezone_id="Europe/Berlin")
    expect(page.locator(".zone")).to_have_text(re.compile(r"Your time: Berlin, UTC\+[12]"))
    told = page.locator("article time").first
    assert (told.get_attribute("title") or "").endswith(" UTC")
    moment = told.get_attribute("datetime")
    local = page.evaluate("at => new Date(at).toLocaleTimeString('en-GB')", moment)
    assert told.inner_text() == local


def test_a_page_prints_without_what_only_a_screen_can_use(opener: Opener) -> None:
    page = opener("/")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".printed")).to_contain_text(page.url)
    for gone in ("footer", ".frame nav", "form.find", ".fields"):
        assert not page.locator(gone).first.is_visible()
    assert page.locator("main details:not(.filters)").first.get_attribute("open") is not None
