from __future__ import annotations

from collections.abc import Callable

import pytest

from byline.model.query import ChangeItem, EventRow
from byline.web.sentence import days, plain, predicate, request_sentence, sentence

EventMaker = Callable[..., EventRow]


def changed(*names: str) -> list[ChangeItem]:
    return [ChangeItem(name, "1", "2", "number", "number") for name in names]


def test_a_change_is_a_sentence(event: EventMaker) -> None:
    assert plain(sentence(event())) == "Pavan Kumar changed `inventory` and `title` of products_master 1."


def test_a_create_and_a_delete_name_no_attributes(event: EventMaker) -> None:
    assert plain(sentence(event(action="create"))) == "Pavan Kumar created products_master 1."
    assert plain(sentence(event(action="delete"))) == "Pavan Kumar deleted products_master 1."


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a"], "`a`"),
        (["a", "b"], "`a` and `b`"),
        (["a", "b", "c"], "`a`, `b` and `c`"),
        (["a", "b", "c", "d"], "`a`, `b`, `c` and 1 more"),
        (list("abcdefg"), "`a`, `b`, `c` and 4 more"),
    ],
)
def test_up_to_three_attributes_are_named(event: EventMaker, names: list[str], words: str) -> None:
    assert plain(predicate(event(changes=changed(*names)))) == f"changed {words} of products_master 1."


def test_an_update_in_which_nothing_differed_says_so(event: EventMaker) -> None:
    assert (
        plain(sentence(event(changes=[])))
        == "Pavan Kumar sent an update of products_master 1 in which nothing differed."
    )


def test_an_update_with_one_side_missing_names_no_attributes(event: EventMaker) -> None:
    assert plain(sentence(event(flags=["one_sided"]))) == "Pavan Kumar changed products_master 1."


@pytest.mark.parametrize(
    ("other", "who"),
    [
        (
            {"job": "reprice_catalogue", "user_id": None, "user_name": None, "user_email": None},
            "The job reprice_catalogue",
        ),
        ({"user_name": None}, "pavan@eunimart.com"),
        ({"user_name": "", "user_email": None}, "user 206483f8"),
        ({"user_name": None, "user_email": None, "user_id": None}, "product_management, with no one signed in,"),
        ({"user_name": None, "user_email": None, "user_id": None, "source": "binlog"}, "Someone unknown"),
    ],
)
def test_the_subject_is_who_is_known_and_never_empty(event: EventMaker, other: dict[str, object], who: str) -> None:
    assert plain(sentence(event(**other))) == f"{who} changed `inventory` and `title` of products_master 1."


def test_a_request_is_counted_only_where_all_of_it_is_in_hand(event: EventMaker) -> None:
    events = [event(), event(entity_id="2"), event(entity_id="2", microservice_name="orders")]
    assert (
        plain(request_sentence(events, whole=True)) == "Pavan Kumar changed 2 entities in 2 services, in one request."
    )
    assert (
        plain(request_sentence(events[:1], whole=True)) == "Pavan Kumar changed 1 entity in 1 service, in one request."
    )
    assert plain(request_sentence(events, whole=False)) == "Pavan Kumar made these changes in one request."


def test_events_of_one_request_are_one_story_even_with_others_between(event: EventMaker) -> None:
    mine, other, mine_too = event(request_id="a"), event(request_id="b"), event(request_id="a")
    [day] = days([mine, other, mine_too])
    assert [story.events for story in day.stories] == [[mine, mine_too], [other]]


def test_events_without_a_request_stand_alone(event: EventMaker) -> None:
    [day] = days([event(request_id=None, event_id="1"), event(request_id=None, event_id="2")])
    assert [len(story.events) for story in day.stories] == [1, 1]


def test_a_page_is_told_by_day_in_its_own_order(event: EventMaker) -> None:
    told = days([event(date="2020-07-30"), event(date="2020-07-30"), event(date="2020-07-29")])
    assert [day.date for day in told] == ["2020-07-30", "2020-07-29"]
