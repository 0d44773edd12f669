"""Signing in by a pasted token, and what a reader may see then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from byline.web import create_app
from byline.wiring import open_queue
from tests.browser.conftest import Shop
from tests.browser.samples import ACCOUNT
from tests.web.issuer import sign_in, token
from tests.web.served import served


@pytest.fixture(scope="module")
def guarded(the_shop: Shop) -> Iterator[str]:
    queue = open_queue(the_shop.byline.settings)
    app = create_app(the_shop.byline.history, the_shop.byline.bucket, queue=queue, sign_in=sign_in())
    with served(app) as client:
        # Browsers keep Secure cookies of localhost, not of an address.
        yield str(client.base_url).rstrip("/").replace("127.0.0.1", "localhost")
    queue.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def enter(page: Page, home: str, **claims: str) -> None:
    page.goto(f"{home}/?attribute=status")
    assert page.locator("h1").inner_text() == "Sign in"
    page.get_by_label("Token").fill(token(**claims))
    page.get_by_role("button", name="Sign in").click()


def test_a_reader_signs_in_goes_on_to_what_they_wanted_and_signs_out(page: Page, guarded: str) -> None:
    enter(page, guarded, account_id=ACCOUNT, name="Mira Santos")
    expect(page.locator("h1")).to_have_text("Who changed status?")
    assert page.locator("article").count() > 0
    page.locator(".reader summary").click()
    page.get_by_role("button", name="Sign out").click()
    assert page.locator("h1").inner_text() == "You are signed out"
    page.goto(guarded)
    assert page.locator("h1").inner_text() == "Sign in"


def test_a_token_that_is_none_is_refused_and_said(page: Page, guarded: str) -> None:
    page.goto(guarded)
    page.get_by_label("Token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    assert "Refused." in page.get_by_role("alert").inner_text()


def test_without_the_scope_there_are_no_dead_letters(page: Page, guarded: str) -> None:
    enter(page, guarded, account_id=ACCOUNT)
    expect(page.locator("h1")).to_have_text("Who changed status?")
    assert page.get_by_role("link", name="Dead letters").count() == 0
    page.goto(f"{guarded}/dead-letters")
    assert page.locator("h1").inner_text() == "This is not for you to see"


def test_another_account_sees_nothing_of_it(page: Page, guarded: str) -> None:
    enter(page, guarded, account_id="another")
    expect(page.locator("h1")).to_have_text("No one changed status")
    page.goto(guarded)
    assert page.locator("h1").inner_text() == "Nothing has changed yet"
    for path in ("/entity?table_id=products_master&entity_id=1", "/user?user_email=lena@eunimart.com"):
        page.goto(guarded + path)
        assert page.locator("h1").inner_text() == "Nothing is here"


def test_with_the_scope_dead_letters_are_there(page: Page, guarded: str) -> None:
    enter(page, guarded, account_id=ACCOUNT, scope="byline:admin")
    page.get_by_role("link", name="Dead letters").first.click()
    expect(page.locator("h1")).to_contain_text("could not be read")
