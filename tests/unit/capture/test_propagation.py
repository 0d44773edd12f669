"""What is taken from outside: request ids, traces, and the contexts that messages carry."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.context import Vouched, bind, current, dump_context, load_context, outgoing_headers
from byline.capture.propagation import from_plain, is_request_id, trace_id
from byline.model.event import User

ANN = User(account_id="a1", user_id="1", email="ann@example.com", user_name="Ann Ångström")
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


# --- headers ---


@pytest.mark.parametrize("text", ["a", "A-Z.0_9", "x" * 128, "a20e389c-134b-40e7-9827-1c94eb895412"])
def test_a_request_id_of_safe_characters_is_taken(text: str) -> None:
    assert is_request_id(text)


@pytest.mark.parametrize("text", ["", "x" * 129, "a b", "a\n", "\na", "é", "a;b", "<script>", "a\0", "a,b", "١٢"])
def test_any_other_request_id_is_not(text: str) -> None:
    assert not is_request_id(text)


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f"01-{TRACE}-{SPAN}-01-what.comes-later"]
)
def test_the_trace_id_of_a_valid_traceparent_is_kept(header: str) -> None:
    assert trace_id(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TRACE,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_an_invalid_traceparent_is_no_trace(header: str | None) -> None:
    assert trace_id(header) is None


def test_what_goes_along_to_another_service_is_the_request_id() -> None:
    assert outgoing_headers() == {}
    with bind("r1"):
        assert outgoing_headers() == {"request-id": "r1"}


# --- a message's context ---


def test_a_context_survives_a_queue_with_its_actor_resolved() -> None:
    with bind(
        "r1", lambda: Vouched(ANN, "https://issuer.example"), trace_id=TRACE, ip_address="192.0.2.1", user_agent="ua"
    ):
        message = json.dumps(dump_context())
    with load_context(json.loads(message), job="send_mail") as loaded:
        assert current() is loaded
        assert (loaded.request_id, loaded.trace_id, loaded.ip_address, loaded.user_agent, loaded.job) == (
            "r1", TRACE, "192.0.2.1", "ua", "send_mail",
        )  # fmt: skip
        assert loaded.who() == Vouched(ANN, "https://issuer.example")
    assert current() is None


def test_outside_of_every_context_there_is_nothing_to_dump_and_loading_it_mints_an_id() -> None:
    assert dump_context() == {}
    with load_context(dump_context(), job="j") as loaded:
        assert str(UUID(loaded.request_id)) == loaded.request_id
        assert loaded.job == "j"


def test_a_job_goes_along_unless_another_is_named() -> None:
    with bind("r1", job="first"):
        dumped = dump_context()
    with load_context(dumped) as loaded:
        assert loaded.job == "first"
    with load_context(dumped, job="second") as loaded:
        assert loaded.job == "second"


def test_a_loaded_context_inherits_nothing_from_the_worker_it_is_loaded_in() -> None:
    with bind("worker", User(user_id="worker"), ip_address="192.0.2.9"), load_context({"request_id": "r1"}) as loaded:
        assert (loaded.request_id, loaded.user(), loaded.ip_address) == ("r1", None, None)


def test_nobody_vouches_for_a_message_without_a_user() -> None:
    assert from_plain({"request_id": "r1", "verified_by": "framework"}).who() == Vouched(None, None)


@pytest.mark.parametrize(
    "dumped",
    [
        None,
        "text",
        b"bytes",
        7,
        [],
        [["request_id", "r1"]],
        {1: 2},
        {"request_id": None},
        {"request_id": {}},
        {"request_id": ["r1"]},
        {"request_id": True},
        {"request_id": "x" * 129},
        {"request_id": "a\nb"},
        {"request_id": "\ud800"},
        {"request_id": ""},
        {"request_id": 10**5000},
    ],
)
def test_a_damaged_request_id_is_minted_anew(dumped: object) -> None:
    context = from_plain(dumped)
    assert str(UUID(context.request_id)) == context.request_id
    assert context.who() == Vouched(None, None)


@pytest.mark.parametrize(
    "hostile", [7.5, True, [], {}, "x" * 1025, "a\rb", "\ud800", "\u202e", "a\x00", {"$enc": "x"}, float("nan")]
)
@pytest.mark.parametrize("name", ["trace_id", "ip_address", "user_agent", "job", "verified_by"])
def test_a_field_without_its_form_is_left_out_and_the_rest_stays(name: str, hostile: object) -> None:
    context = from_plain({"request_id": "r1", name: hostile})
    assert context.request_id == "r1"
    assert getattr(context, name) is None


@pytest.mark.parametrize("hostile", [7.5, "text", [], {}, {"user_id": {}}, {"user_id": "a\0b"}, {"email": "\ud800"}])
def test_a_user_without_its_form_is_nobody(hostile: object) -> None:
    assert from_plain({"request_id": "r1", "user": hostile}).user() is None


def test_ids_that_came_as_integers_are_text() -> None:
    assert from_plain({"request_id": 17, "user": {"user_id": 42}}).user() == User(user_id="42")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = st.sampled_from(["request_id", "trace_id", "ip_address", "user_agent", "job", "verified_by", "user"])


@given(st.dictionaries(NAMES, JSON | st.dictionaries(st.sampled_from(["account_id", "user_id", "email"]), JSON)))
def test_loading_never_raises_and_what_it_gives_can_be_dumped_and_loaded_again(dumped: dict[str, object]) -> None:
    with load_context(dumped) as first:
        again = json.loads(json.dumps(dump_context()))
    with load_context(again) as second:
        assert second == first
