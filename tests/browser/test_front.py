"""The front page: stories, filters that are the address, the chart, what is new, and the find box."""

from __future__ import annotations

from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Shop
from tests.browser.samples import PEOPLE, REFUND, event

TODAY = datetime.now(UTC).date().isoformat()


def sentences(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator("article h3").all_inner_texts()]


def story(page: Page, words: str) -> str:
    return " ".join(page.locator("article", has_text=words).first.inner_text().split())


def test_changes_are_told_as_sentences(opener: Opener) -> None:
    told = sentences(opener("/"))
    for words in (
        "Pavan Kumar changed inventory and title of products_master 1.",
        "Lena Fischer changed 5 entities in 3 services, in one request of 2.4 s.",
        "The job reprice_catalogue changed price of 48 entities in products_master.",
        "Amara Okafor deleted coupons SUMMER20.",
        "inventory, with no one signed in, changed inventory of products_master 1.",
        "inventory of products_master 1 went from 10 to 7 outside the recorded services.",
        "Tomás Rivera created products_master 2207.",
        "Amara Okafor sent an update of customers 77 in which nothing differed.",
        "Amara Okafor changed customers 78.",
        "Someone unknown changed a and b of customers 79.",
    ):
        assert words in told


def test_a_request_is_one_story_with_its_events_beneath(opener: Opener) -> None:
    told = story(opener("/"), "Lena Fischer changed 5 entities")
    assert "changed lines[id=7].price, refunded_total and status of orders 10482" in told
    assert "2 more in this request" in told


def test_a_change_marks_the_words_that_differ(opener: Opener) -> None:
    page = opener("/")
    first = page.locator("article").first
    assert first.locator("del .mark").all_inner_texts() == ["6gb"]
    assert first.locator("ins .mark").all_inner_texts() == ["4gb"]


def test_a_null_is_no_text_and_what_hides_is_shown(opener: Opener) -> None:
    page = opener("/")
    assert "b was null → became null" in story(page, "Someone unknown")
    unknown = page.locator("article", has_text="Someone unknown")
    assert unknown.locator(".note").all_inner_texts() == ["null"]
    assert "a was ·x· → became ·y·" in story(page, "Someone unknown")
    assert "U+202E" in story(page, "changed banner, slug and tags")
    assert "was 4200 text → became 4200 number" in story(page, "changed description and weight_g")


def test_long_text_is_folded_around_its_differences_and_unfolds(opener: Opener) -> None:
    page = opener("/")
    found = page.locator("article", has_text="changed description and weight_g")
    assert "characters unchanged" in found.inner_text()
    assert found.locator("ins .mark").all_inner_texts()[:2] == ["induction", "Wash by hand."]
    found.get_by_text("Show all").first.click()
    expect(found.locator(".whole .value").first).to_be_visible()


FILTERS = [
    ("Service", "payments", "microservice_name=payments"),
    ("Table", "coupons", "table_id=coupons"),
    ("Entity", "SUMMER20", "entity_id=SUMMER20"),
    ("Attribute", "status", "attribute=status"),
    ("Was", "PAID", "previous_value=PAID"),
    ("Became", "REFUNDED", "current_value=REFUNDED"),
    ("Who", PEOPLE["Amara Okafor"][0], f"user_id={PEOPLE['Amara Okafor'][0]}"),
    ("Who", "amara@eunimart.com", "user_email=amara%40eunimart.com"),
    ("From", TODAY, f"from={TODAY}T00%3A00%3A00Z"),
    ("Until", "2025-12-31", "to=2026-01-01T00%3A00%3A00Z"),
]


def look_through(page: Page, filters: list[tuple[str, str, str]]) -> None:
    """One filter after the other in the same form, the one before it emptied."""
    form = page.locator(".wide.filters")
    before = None
    for label, value, address in filters:
        if before not in (None, label):
            form.get_by_label(str(before), exact=True).fill("")
        form.get_by_label(label, exact=True).fill(value)
        form.get_by_role("button", name="Show").click()
        page.wait_for_url(f"**/?{address}")
        assert sentences(page), address
        assert form.get_by_role("link", name=f"Without {label}").get_attribute("href") == "/"
        before = label
    form.get_by_role("link", name=f"Without {before}").click()
    page.wait_for_url(lambda url: url.endswith("/"))


def test_each_filter_is_the_address_and_its_cross_takes_it_away(opener: Opener) -> None:
    look_through(opener("/"), FILTERS)


def test_a_filter_needs_no_script(opener: Opener) -> None:
    look_through(opener("/", java_script_enabled=False), [FILTERS[1], FILTERS[8]])


def test_an_action_is_chosen_from_a_list(opener: Opener) -> None:
    page = opener("/")
    page.locator(".wide.filters").get_by_label("Action").select_option("delete")
    page.wait_for_url("**/?action=delete")
    assert all(" deleted " in told for told in sentences(page))


def test_under_an_attribute_filter_only_the_rows_that_match_are_shown(opener: Opener) -> None:
    page = opener("/?attribute=refunded_total")
    assert "changed refunded_total and 2 more of orders 10482." in sentences(page)[0]
    assert page.locator("article").first.locator(".rows").first.locator("dt").all_inner_texts() == ["refunded_total"]


def test_chips_take_filters_away_on_a_phone(opener: Opener) -> None:
    page = opener("/?attribute=status&current_value=REFUNDED", width=390)
    page.get_by_role("list", name="Filters").get_by_role("link", name="Without became").click()
    page.wait_for_url("**/?attribute=status")


def test_no_match_offers_the_same_question_with_one_filter_fewer(opener: Opener) -> None:
    page = opener("/?attribute=status&current_value=REFUNDET&table_id=orders")
    assert "these three filters" in page.locator(".deck").inner_text()
    offers = page.locator(".nothing li").all_inner_texts()
    assert "newest" in offers[0]
    assert [offer for offer in offers if "still none" in offer]
    page.locator(".nothing li a").first.click()
    assert sentences(page)


def test_a_day_of_the_chart_is_a_link_to_it_named_in_words(opener: Opener) -> None:
    page = opener("/")
    days = page.locator(".chart.wide li a")
    assert days.count() == 30
    assert page.locator(".chart.narrow").is_hidden()
    day = days.nth(20)
    assert " created, " in (day.get_attribute("aria-label") or "")
    day.click()
    page.wait_for_url("**/?from=*&to=*")
    assert page.locator(".chart").count() == 0


def test_the_page_goes_on_and_comes_back(opener: Opener) -> None:
    page = opener("/?limit=60")
    first = sentences(page)
    page.get_by_role("link", name="Older changes").click()
    assert sentences(page)
    assert sentences(page) != first
    page.get_by_role("link", name="Back to the newest").click()
    page.wait_for_url(lambda url: "cursor" not in url)


def test_new_changes_are_counted_and_nothing_moves_until_they_are_asked_for(opener: Opener, small_shop: Shop) -> None:
    page = opener("/find", home=small_shop.url)
    page.clock.install()
    page.goto(small_shop.url + "/?microservice_name=orders")
    before = sentences(page)
    now = datetime.now(UTC)
    new = [event(now, "create", (f"live_{number}", "1"), None, {"a": 1}, service="orders") for number in (1, 2)]
    other = event(now, "create", ("live_3", "1"), None, {"a": 1}, service="elsewhere")
    small_shop.byline.take(*new, other)
    page.clock.fast_forward(6_000)
    bar = page.get_by_role("link", name="Show 2 new changes")
    expect(bar).to_be_visible()
    assert sentences(page) == before
    page.keyboard.press(".")
    expect(page.locator("article h3").first).to_contain_text("created live_")


FOUND = {
    "products_master 1": "/entity?table_id=products_master&entity_id=1",
    "stock_levels/sku_1@BER-1": "/entity?table_id=stock_levels&entity_id=sku_1%40BER-1",
    REFUND: f"/request?request_id={REFUND}",
    "lena@eunimart.com": "/user?user_email=lena%40eunimart.com",
    PEOPLE["Lena Fischer"][0]: f"/user?user_id={PEOPLE['Lena Fischer'][0]}",
    "coupons": "/?table_id=coupons",
    "refunded_total": "/?attribute=refunded_total",
}


def test_the_find_box_leads_to_what_is_meant(opener: Opener) -> None:
    page = opener("/find")
    for words, where in FOUND.items():
        box = page.get_by_role("searchbox", name="Find").first
        box.fill(words)
        box.press("Enter")
        page.wait_for_url(f"**{where}")


def test_what_is_not_found_is_said_and_an_entity_without_its_table_is_offered(opener: Opener) -> None:
    page = opener("/find?q=SUMMER20")
    page.get_by_role("link", name="coupons SUMMER20").click()
    page.wait_for_url("**/entity?table_id=coupons&entity_id=SUMMER20")
    assert "is no entity" in opener("/find?q=%3Cb%3Enothing").locator(".deck").inner_text()
