from __future__ import annotations

from collections.abc import Callable

import pytest

from byline.model.gap import Gap
from byline.model.query import ChangeItem, EventRow
from byline.web.sentence import (
    duration,
    gap_sentence,
    notes_of,
    plain,
    predicate,
    request_sentence,
    sentence,
)
from tests.web.served import Row

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


def test_what_a_page_is_about_is_not_said_again(event: EventMaker) -> None:
    assert plain(sentence(event(), about="entity")) == "Pavan Kumar changed `inventory` and `title`."
    assert plain(sentence(event(action="create"), about="entity")) == "Pavan Kumar created it."
    assert plain(sentence(event(), about="who")) == "Changed `inventory` and `title` of products_master 1."
    assert plain(sentence(event(action="delete"), about="who")) == "Deleted products_master 1."


def test_the_attributes_that_were_asked_for_are_named_alone(event: EventMaker) -> None:
    told = sentence(event(changes=changed("a", "b", "status", "z")), naming=("status",))
    assert plain(told) == "Pavan Kumar changed `status` and 3 more of products_master 1."


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
    assert plain(request_sentence(events)) == "Pavan Kumar changed 2 entities in 2 services, in one request."
    assert plain(request_sentence(events[:1])) == "Pavan Kumar changed 1 entity in 1 service, in one request."
    assert plain(request_sentence(events, whole=False)) == "Pavan Kumar made these changes in one request."


def test_a_request_tells_how_long_it_took(event: EventMaker) -> None:
    told = request_sentence([event(), event(entity_id="2")], seconds=2.414)
    assert plain(told) == "Pavan Kumar changed 2 entities in 1 service, in one request of 2.4 s."


def test_one_attribute_of_many_entities_is_told_by_its_name(event: EventMaker) -> None:
    job = {"job": "reprice_catalogue", "changes": changed("price")}
    told = request_sentence([event(entity_id=str(number), **job) for number in range(48)])
    assert plain(told) == "The job reprice_catalogue changed `price` of 48 entities in products_master."


@pytest.mark.parametrize("other", [{"table_id": "orders"}, {"action": "create"}, {"flags": ["one_sided"]}])
def test_anything_else_among_them_is_counted_instead(event: EventMaker, other: dict[str, object]) -> None:
    events = [event(changes=changed("price")), event(entity_id="2", changes=changed("price"), **other)]
    assert "2 entities in 1 service" in plain(request_sentence(events))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.004, "4 ms"), (0.99, "0.9 s"), (2.0, "2 s"), (59.99, "59.9 s"), (185, "3 min 5 s"), (7_440, "2 h 4 min")],
)
def test_a_duration_is_cut_and_never_rounded_up(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def a_gap(*changes: ChangeItem) -> Gap:
    return Gap(
        table_id="products_master",
        entity_id="1",
        after_event_id="a",
        before_event_id="b",
        since="2026-07-23T09:31:20.000000Z",
        until="2026-07-23T11:40:03.000000Z",
        changes=list(changes),
    )


def test_a_gap_is_told_without_accusing_anyone() -> None:
    gap = a_gap(ChangeItem("inventory", "10", "7", "number", "number"))
    words = "`inventory` of products_master 1 went from 10 to 7 outside the recorded services."
    assert plain(gap_sentence(gap)) == words
    assert plain(gap_sentence(gap, about="entity")) == words.replace(" of products_master 1", "")


def test_a_gap_of_several_attributes_names_them() -> None:
    gap = a_gap(*changed("a", "b"))
    words = "`a` and `b` of products_master 1 changed outside the recorded services."
    assert plain(gap_sentence(gap)) == words


def test_in_a_gap_a_stored_null_is_no_null() -> None:
    gap = a_gap(ChangeItem("x", None, "null", "null", "string"))
    assert [piece.voice for piece in gap_sentence(gap) if piece.text == "null"] == ["note", "value"]


def test_notes_say_what_to_mind(event: EventMaker) -> None:
    assert notes_of(event()) == []
    assert len(notes_of(event(flags=["one_sided", "lossy", "dated_in_future"]))) == 3


ANN, BOB = ({"user_id": None, "user_name": None, "user_email": f"{name}@x.example"} for name in ("ann", "bob"))
JOB = {"job": "nightly"}
ALONE = {"user_id": None, "user_name": None, "user_email": None}


@pytest.mark.parametrize(
    ("others", "who"),
    [
        (({}, {}), "Pavan Kumar"),
        ((ANN, BOB), "ann@x.example and 1 other"),
        ((ANN, BOB, JOB, ALONE), "ann@x.example and 3 others"),
        ((ALONE, BOB), "bob@x.example and 1 other"),
        ((ALONE, ALONE), "product_management, with no one signed in,"),
        ((ALONE, {**ALONE, "microservice_name": "payments"}), "2 services, with no one signed in,"),
        (({**ALONE, "source": "binlog"}, JOB), "The job nightly and 1 other"),
    ],
)
def test_a_request_of_several_is_not_said_of_one_of_them(event: EventMaker, others: tuple[Row, ...], who: str) -> None:
    events = [event(entity_id=str(number), **other) for number, other in enumerate(others)]
    assert plain(request_sentence(events)).startswith(f"{who} changed {len(events)} entities in ")
    assert plain(request_sentence(events, whole=False)).startswith(f"{who} made these changes")


def test_rows_of_one_attribute_are_those_of_one_person(event: EventMaker) -> None:
    events = [event(entity_id=who["user_email"], changes=changed("price"), **who) for who in (ANN, BOB)]
    assert plain(request_sentence(events)) == (
        "ann@x.example and 1 other changed 2 entities in 1 service, in one request."
    )


def test_a_persons_page_does_not_call_hers_what_a_job_or_others_did(event: EventMaker) -> None:
    assert plain(sentence(event(**JOB), about="who")).startswith("The job nightly changed ")
    assert plain(request_sentence([event(entity_id="1"), event(entity_id="2", **BOB)], about="who")).startswith(
        "Pavan Kumar and 1 other changed 2 entities"
    )
    assert plain(request_sentence([event(), event(entity_id="2")], about="who")).startswith("Changed 2 entities")


@pytest.mark.parametrize(("action", "did"), [("create", "created"), ("delete", "deleted")])
def test_a_request_of_one_action_is_told_by_its_verb(event: EventMaker, action: str, did: str) -> None:
    told = request_sentence([event(action=action), event(action=action, entity_id="2")])
    assert plain(told) == f"Pavan Kumar {did} 2 entities in 1 service, in one request."
