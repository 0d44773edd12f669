"""An entity, a request and dead letters: the moment, the blame, the plan, another try."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Shop
from tests.browser.samples import REFUND, event
from tests.browser.shop import CUT_SHORT

PRODUCT = "/entity?table_id=products_master&entity_id=1"


def row(page: Page, attribute: str) -> list[str]:
    found = page.locator(".state tbody tr", has=page.locator("th", has_text=re.compile(f"^{attribute}$")))
    return [" ".join(text.split()) for text in found.locator("td:not(.strip)").all_inner_texts()]


def number(page: Page) -> str:
    return page.locator("[data-number]").inner_text()


def test_the_state_is_the_newest_and_says_who_set_each_attribute(opener: Opener) -> None:
    page = opener(PRODUCT)
    assert number(page) == "event 14 of 14"
    assert row(page, "inventory")[:2] == ["10 was 1", "Pavan Kumar"]
    assert row(page, "brand")[1] == "Tomás Rivera"
    assert row(page, "status")[1] == "job publish_due"


@pytest.mark.parametrize("scripted", [True, False])
def test_earlier_and_later_step_through_the_events(opener: Opener, scripted: bool) -> None:
    page = opener(PRODUCT, java_script_enabled=scripted)
    for _ in range(3):
        page.locator("#earlier").click()
    assert number(page) == "event 11 of 14"
    assert page.locator(".state h2").inner_text() == "As it was then"
    assert row(page, "inventory")[:2] == ["4", "Pavan Kumar"]
    assert row(page, "price")[0] == "499.0 was 519.0"
    assert page.locator(".the-moment").count() == 1
    assert page.locator("article.later").count() == 4
    page.locator("#later").click()
    assert number(page) == "event 12 of 14"
    page.locator("#newest").click()
    assert number(page) == "event 14 of 14"
    assert page.locator(".the-moment").count() == 0


def test_the_slider_tells_and_then_shows_the_moment(opener: Opener) -> None:
    page = opener(PRODUCT)
    slider = page.get_by_role("slider", name="The moment shown")
    expect(slider).to_have_value("14")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowLeft")
    told = slider.get_attribute("aria-valuetext") or ""
    assert told.startswith("event 4 of 14, ")
    assert told.endswith(", Pavan Kumar")
    page.wait_for_url("**at=*")
    assert number(page) == "event 4 of 14"
    assert row(page, "inventory")[0] == "30 was 40"


def test_before_its_first_event_an_entity_was_not_there(opener: Opener) -> None:
    page = opener(f"{PRODUCT}&at=2001-01-01T00:00:00Z")
    assert number(page) == "before its first event"
    assert "not there yet" in page.locator(".state .deck").inner_text()
    page.locator("#later").click()
    assert number(page) == "event 1 of 14"


def test_a_deleted_entity_says_so(opener: Opener) -> None:
    page = opener("/entity?table_id=coupons&entity_id=SUMMER20")
    assert "deleted" in page.locator(".state .deck").inner_text()


def test_what_nobody_recorded_is_shown_as_a_gap(opener: Opener) -> None:
    page = opener(PRODUCT)
    gap = page.locator("article.unrecorded")
    assert "went from 10 to 7 outside the recorded services." in " ".join(gap.inner_text().split())
    assert "nobody can be named" in gap.inner_text()
    assert page.locator(".scale line.unseen").count() == 1


def test_a_request_is_told_in_order_with_its_plan(opener: Opener) -> None:
    page = opener(f"/request?request_id={REFUND}")
    steps = [" ".join(text.split()) for text in page.locator(".numbered h3").all_inner_texts()]
    assert steps[0] == "Changed lines[id=7].price, refunded_total and status of orders 10482."
    assert steps[1:3] == ["Created refunds re_5521.", "Changed refunded_amount and status of payments pay_91f2."]
    assert page.locator(".lanes circle").count() == 6
    assert page.locator(".lanes li").all_inner_texts() == ["order_management", "payments", "inventory"]
    plan = [" ".join(text.split()) for text in page.locator(".undo h3").all_inner_texts()]
    assert plan[0] == "Set 4 attributes of orders 10482 back."
    assert "Create reservations rsv_77120 again, with its 5 attributes." in plan
    assert "Delete refunds re_5521." in plan
    refusal = page.locator(".undo .refused")
    assert "Leave on_hand of stock_levels sku_1@BER-1 as it is." in " ".join(refusal.inner_text().split())
    assert "with no one signed in" in refusal.inner_text()
    assert "changes nothing itself" in page.locator(".sheet .deck").inner_text()


def test_the_plan_is_also_json_and_json_patch(opener: Opener) -> None:
    page = opener(f"/request?request_id={REFUND}")
    page.get_by_role("link", name="JSON Patch").click()
    patches = json.loads(page.locator("pre.raw").inner_text())
    assert {"table_id", "entity_id", "json_patch"} == set(patches[0])
    page.get_by_role("link", name="JSON", exact=True).click()
    assert json.loads(page.locator("pre.raw").inner_text())["request_id"] == REFUND


def test_a_gone_request_and_a_gone_entity_are_errors_that_say_so(opener: Opener) -> None:
    for path in ("/request?request_id=none", "/entity?table_id=a&entity_id=b", "/user?user_id=none"):
        assert opener(path, watch=False).locator("h1").inner_text() == "Nothing is here"


def test_a_dead_letter_is_replayed_refused_and_once_its_cause_is_gone_accepted(
    opener: Opener, small_shop: Shop
) -> None:
    page = opener("/dead-letters", home=small_shop.url)
    assert page.locator("main h1").inner_text() == "3 events could not be read"
    letters = page.locator(".letter")
    assert letters.locator(".remark").all_inner_texts().count("time_stamp is missing here") == 2
    cut = page.locator(".letter", has_text="in the middle of a text")
    cut.get_by_role("button", name="Replay").click()
    again = page.locator(".letter", has_text="in the middle of a text")
    assert "refused again, for the same reason" in again.inner_text()
    _finish_copying(small_shop, again.locator(".from code").first.inner_text())
    again.get_by_role("button", name="Replay").click()
    done = page.locator(".letter.done")
    assert "accepted. It is now an event of carts c_90211" in " ".join(done.inner_text().split())
    assert page.locator("main h1").inner_text() == "2 events could not be read"
    done.get_by_role("link", name="an event of carts c_90211").click()
    assert page.locator("h1").inner_text() == "carts c_90211"


def _finish_copying(shop: Shop, key: str) -> None:
    """Somebody looks at the object while it is still being written, and again once it is whole."""
    file = shop.byline.settings.data / "bucket" / key
    whole = event(datetime.now(UTC), "update", ("carts", "c_90211"), {"c": 1}, {"c": 2}, service="carts")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes().replace(CUT_SHORT, json.dumps(whole).encode()))


def test_the_whole_line_of_a_letter_can_be_seen(opener: Opener) -> None:
    page = opener("/dead-letters")
    page.locator(".letter", has_text="orders 10381").get_by_role("link", name="See the whole line").click()
    assert '"entity_id":"10381"' in page.locator("pre.raw").inner_text()


def test_a_post_from_another_site_replays_nothing(opener: Opener, the_shop: Shop) -> None:
    page = opener("/dead-letters")
    answer = page.context.request.post(
        f"{the_shop.url}/dead-letters/replay", headers={"Origin": "http://evil.example"}, max_redirects=0
    )
    assert answer.status == 403
    page.reload()
    assert page.locator(".outcome").count() == 0
