"""Keys, copies: what the script adds."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.browser.samples import REFUND

PRODUCT = "/entity?table_id=products_master&entity_id=1"


def focused(page: Page) -> int:
    return int(page.evaluate("[...document.querySelectorAll('article')].indexOf(document.activeElement)"))


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_j_and_k_move_o_opens_and_e_unfolds(opener: Opener) -> None:
    page = opener("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused(page) == 1
    page.keyboard.press("k")
    assert focused(page) == 0
    page.keyboard.press("Enter")
    page.wait_for_url("**/entity?table_id=products_master&entity_id=1&at=*")


def test_e_unfolds_the_story_in_hand(opener: Opener) -> None:
    page = opener("/?action=delete&table_id=coupons")
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("article details").first).to_have_attribute("open", "")


def test_slash_finds_and_f_filters_and_typing_is_only_typing(opener: Opener) -> None:
    page = opener("/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Find")).to_be_focused()
    page.keyboard.type("jkef")
    expect(page.get_by_role("searchbox", name="Find")).to_have_value("jkef")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(page.locator(".wide.filters").get_by_label("Service")).to_be_focused()


def test_brackets_step_and_n_goes_to_the_newest(opener: Opener) -> None:
    page = opener(PRODUCT)
    for key in ("[", "[", "]"):
        page.keyboard.press(key)
        page.wait_for_load_state()
    expect(page.locator("[data-number]")).to_have_text("event 13 of 14")
    page.keyboard.press("n")
    expect(page.locator("[data-number]")).to_have_text("event 14 of 14")


def test_g_goes(opener: Opener) -> None:
    page = opener(PRODUCT)
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/dead-letters")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url(lambda url: url.endswith("/"))


def test_a_question_mark_shows_the_keys_and_escape_closes_them(opener: Opener) -> None:
    page = opener("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_an_id_a_link_and_a_call_can_be_copied(opener: Opener) -> None:
    page = opener(f"/request?request_id={REFUND}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="copy").first.click()
    assert copied(page) == REFUND
    page.keyboard.press("y")
    page.wait_for_function("navigator.clipboard.readText().then(text => text === location.href)")
    page.keyboard.press("c")
    page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('curl '))")
    assert copied(page).endswith(f"/v1/request?request_id={REFUND}'")


def test_without_a_script_no_button_promises_anything(opener: Opener) -> None:
    page = opener(f"/request?request_id={REFUND}", java_script_enabled=False)
    assert not page.locator(".copy").first.is_visible()
    assert not page.get_by_text("Copy as curl").first.is_visible()
    assert not page.locator("footer kbd").first.is_visible()


def test_the_keys_can_be_turned_off_and_stay_off(opener: Opener) -> None:
    page = opener("/find", reduced_motion="reduce")
    page.keyboard.press("?")
    page.get_by_role("button", name="Turn the keys off").click()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.locator("[data-keys]").click()
    page.get_by_role("button", name="Turn the keys on").click()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_light_or_dark_is_as_the_system_has_it_until_the_reader_chooses(opener: Opener) -> None:
    page = opener("/find", color_scheme="light")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    page.get_by_role("button", name="Dark page").click()
    assert page.evaluate(background) == "rgb(19, 21, 23)"
    page.goto(page.url)
    assert page.evaluate(background) == "rgb(19, 21, 23)"
    page.get_by_role("button", name="Light page").click()
    assert page.evaluate(background) == "rgb(253, 253, 252)"
    assert page.evaluate("document.cookie").find("byline_theme") == -1
