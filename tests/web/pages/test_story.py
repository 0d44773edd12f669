from __future__ import annotations

from collections.abc import Callable

from byline.model.gap import Gap
from byline.model.query import ChangeItem, EventRow
from byline.web.pages.story import Day, Story, Telling, Whole, days, requests_of
from byline.web.sentence import plain

EventMaker = Callable[..., EventRow]

NOBODY = {"user_id": None, "user_name": None, "user_email": None}


def utc_day(at: str) -> str:
    return at[:10]


def of(events: list[EventRow], **telling: object) -> list[Day]:
    return days(events, utc_day, Telling(**telling))  # type: ignore[arg-type]


def only(events: list[EventRow], **telling: object) -> Story:
    [day] = of(events, **telling)
    [story] = day.stories
    return story


def one(name: str) -> list[ChangeItem]:
    return [ChangeItem(name, "1", "2", "number", "number")]


def test_events_of_one_request_are_one_story_even_with_others_between(event: EventMaker) -> None:
    mine, other, mine_too = event(request_id="a"), event(request_id="b"), event(request_id="a", event_id="z")
    [day] = of([mine, other, mine_too])
    assert [len(story.events) for story in day.stories] == [2, 0]


def test_events_without_a_request_stand_alone(event: EventMaker) -> None:
    [day] = of([event(request_id=None, event_id="1"), event(request_id=None, event_id="2")])
    assert [story.several for story in day.stories] == [False, False]


def test_a_request_named_like_an_event_takes_no_stranger_in(event: EventMaker) -> None:
    [day] = of([event(request_id=None, event_id="1"), event(request_id="1", event_id="2")])
    assert len(day.stories) == 2


def test_a_page_is_told_by_day_in_its_own_order(event: EventMaker) -> None:
    stamps = ["2020-07-30T01:00:00Z", "2020-07-30T00:00:00Z", "2020-07-29T23:00:00Z"]
    told = of([event(occurred_at=at, request_id=None, event_id=at) for at in stamps])
    assert [(day.date, len(day.stories)) for day in told] == [("2020-07-30", 2), ("2020-07-29", 1)]


def test_a_story_is_told_from_its_beginning_and_counts_the_whole_request(event: EventMaker) -> None:
    whole = [event(event_id=str(number), entity_id=str(number)) for number in range(6)]
    told = only(whole[:3:-1], requests={whole[0].request_id: Whole(whole, True)})
    assert told.lead == whole[0]
    assert plain(told.sentence) == "Pavan Kumar changed 6 entities in 1 service, in one request."
    assert [nested.event.event_id for nested in told.events] == list("0123")
    assert told.more == 2


def test_of_a_request_that_is_not_in_hand_nothing_is_counted(event: EventMaker) -> None:
    some = [event(event_id=str(number)) for number in range(3)]
    told = only(some, requests={some[0].request_id: Whole(some, False)})
    assert "in one request" in plain(told.sentence)
    assert "3" not in plain(told.sentence)


def test_under_a_filter_a_story_shows_what_matches_and_says_how_much_more_there_is(event: EventMaker) -> None:
    whole = [event(event_id=str(number), entity_id=str(number)) for number in range(6)]
    told = only([whole[4], whole[2]], filtered=True, requests={whole[0].request_id: Whole(whole, True)})
    assert [nested.event.event_id for nested in told.events] == ["2", "4"]
    assert told.more == 4


def test_the_same_attribute_of_many_entities_becomes_rows(event: EventMaker) -> None:
    whole = [event(event_id=str(number), entity_id=str(number), changes=one("price")) for number in range(48)]
    told = only(whole[::-1], requests={whole[0].request_id: Whole(whole, True)})
    assert (len(told.rows), told.events, told.more) == (3, [], 45)


def test_a_nested_event_begins_with_its_verb_unless_the_story_leaves_open_who_did_it(event: EventMaker) -> None:
    mine, other = event(event_id="1"), event(event_id="2", microservice_name="payments", **NOBODY)
    told = only([other, mine], requests={mine.request_id: Whole([mine, other], True)})
    assert [plain(nested.sentence) for nested in told.events] == [
        "Pavan Kumar changed `inventory` and `title` of products_master 1",
        "payments, with no one signed in, changed `inventory` and `title` of products_master 1",
    ]
    whole = [mine, event(event_id="2", entity_id="2", microservice_name="payments")]
    told = only(whole[::-1], requests={mine.request_id: Whole(whole, True)})
    assert {plain(nested.sentence)[:8] for nested in told.events} == {"changed "}


def test_a_request_that_is_not_wholly_in_hand_counts_at_least(event: EventMaker) -> None:
    found = [event(event_id=str(number), entity_id=str(number)) for number in range(6)]
    told = only(found, requests={found[0].request_id: Whole(found, False)})
    assert (told.more, told.at_least) == (2, True)


def test_a_gap_stands_behind_the_story_that_found_it(event: EventMaker) -> None:
    gap = Gap(
        table_id="t", entity_id="1", after_event_id=None, before_event_id="1", since=None, until="x", changes=one("a")
    )
    assert only([event(event_id="1")], gaps={"1": gap}).gaps == [gap]
    assert only([event(event_id="2")], gaps={"1": gap}).gaps == []


def test_only_requests_with_several_events_are_worth_a_question(event: EventMaker) -> None:
    assert requests_of(
        [event(request_id="a"), event(request_id="b"), event(request_id="a"), event(request_id=None)]
    ) == ["a"]
