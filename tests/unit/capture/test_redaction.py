"""Masking: that a secret changed is recorded, its value is not."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from byline.capture.redaction import DEFAULT_SECRET_NAMES, HASHED, MASKED, MASKED_PREVIOUS, Masking
from byline.capture.secret_names import SecretNames, words
from byline.errors import UsageError
from byline.model.diff import diff_data

KEY = b"sixteen bytes and more"
masking = Masking()


def changed(old: Any, new: Any, using: Masking = masking) -> list[str]:
    """The attributes in which two states differ, once masked."""
    return [change.attribute for change in diff_data(*using.apply("t", old, new), action="update")]


# --- by name ---


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "Password",
        "passwd",
        "user_password",
        "userPassword",
        "UserPassword",
        "password_hash",
        "password2",
        "passwords",
        "passWord",
        "pass-word",
        "secret",
        "client-secret",
        "clientSecret",
        "secrets",
        "SECRET_KEY",
        "token",
        "access_token",
        "accessToken",
        "X-Auth-Token",
        "refreshTokens",
        "token_2",
        "csrf.token",
        "authorization",
        "Authorization",
        "Proxy-Authorization",
        "credential",
        "credentials",
        "api_key",
        "apiKey",
        "APIKey",
        "API-KEY",
        "apikey",
        "stripe api key",
        "private_key",
        "privateKey",
        "aws_access_key_id",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",
        "_password",
        "pwd",
    ],
)
def test_a_name_that_has_a_secrets_name_as_a_whole_word_is_masked(name: str) -> None:
    assert masking.apply("t", None, {name: "hunter2"}) == (None, {name: MASKED})


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer",
        "secretary",
        "passport",
        "author",
        "key",
        "public_key",
        "api",
        "api_version",
        "keyboard",
        "compass",
        "monkey",
        "broken",
        "title",
        "",
        "1",
        "apikeyboard",
    ],
)
def test_a_part_of_a_word_is_no_secret(name: str) -> None:
    state = {name: "hunter2"}
    assert masking.apply("t", state, state) == (state, state)


def test_what_the_default_names_are() -> None:
    assert {"password", "token", "secret", "authorization"} <= DEFAULT_SECRET_NAMES


def test_a_name_is_taken_apart_at_every_border_of_words() -> None:
    assert words("userAPIKey_2-x.HTTPServer9a") == ["user", "api", "key", "2", "x", "http", "server", "9", "a"]


def test_other_names_can_take_the_place_of_the_default_ones() -> None:
    own = Masking(names=["iban"])
    assert own.apply("t", None, {"iban": 1, "password": 2}) == (None, {"iban": MASKED, "password": 2})
    assert Masking(names=()).apply("t", None, {"password": 2}) == (None, {"password": 2})


@given(st.text())
def test_any_text_can_be_a_name(name: str) -> None:
    SecretNames(DEFAULT_SECRET_NAMES).match(name)


# --- wholly, never half ---


@pytest.mark.parametrize(
    "secret", ["hunter2", "", "x" * 10_000, 7, 0, -1.5, True, False, [1, 2], [], {}, {"a": {"b": "c"}}, Decimal("1.10"),
               b"raw", UUID(int=7), dt.date(2020, 1, 1), object()]
)  # fmt: skip
def test_a_masked_value_is_replaced_wholly_whatever_it_is(secret: object) -> None:
    assert masking.apply("t", {"token": secret}, None) == ({"token": MASKED}, None)
    assert masking.apply("t", None, {"token": secret}) == (None, {"token": MASKED})


def test_a_secret_that_changed_differs_and_one_that_did_not_does_not() -> None:
    assert masking.apply("t", {"token": "a"}, {"token": "b"}) == ({"token": MASKED_PREVIOUS}, {"token": MASKED})
    assert masking.apply("t", {"token": "a"}, {"token": "a"}) == ({"token": MASKED}, {"token": MASKED})


def test_the_state_after_reads_the_same_as_the_state_before_the_next_event() -> None:
    _, after = masking.apply("t", {"token": "a"}, {"token": "b"})
    before, _ = masking.apply("t", {"token": "b"}, {"token": "b"})
    assert after == before


@pytest.mark.parametrize(("old", "new"), [(1, True), ("1", 1), (0, False), ({}, []), ("", {}), (1, 2), ([1], [True])])
def test_types_count_in_what_changed(old: object, new: object) -> None:
    assert changed({"token": old}, {"token": new}) == ["token"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (119, Decimal("119.00")),
        (0.1, Decimal("0.10")),
        (1, 1.0),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ((1, 2), [1, 2]),
    ],
)
@pytest.mark.parametrize("rules", [masking, Masking(hash=["token"], key=KEY)], ids=["masked", "hashed"])
def test_what_is_equal_on_the_wire_has_not_changed(old: object, new: object, rules: Masking) -> None:
    before, after = rules.apply("t", {"token": old}, {"token": new})
    assert before == after


def test_null_is_no_secret_so_setting_and_clearing_one_shows() -> None:
    assert masking.apply("t", {"token": None}, {"token": "b"}) == ({"token": None}, {"token": MASKED})
    assert masking.apply("t", {"token": "a"}, {"token": None}) == ({"token": MASKED}, {"token": None})
    assert masking.apply("t", {}, {"token": "b"}) == ({}, {"token": MASKED})
    assert masking.apply("t", {"token": "a"}, {}) == ({"token": MASKED}, {})


def test_values_that_cannot_be_compared_count_as_changed() -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None

    assert changed({"token": Odd()}, {"token": Odd()}) == ["token"]


# --- at every depth ---


def test_nested_names_are_masked_too() -> None:
    old = {"card": {"token": "a", "brand": "visa"}, "headers": [{"Authorization": "Bearer x"}, 7, "text"]}
    new = {"card": {"token": "b", "brand": "visa"}, "headers": [{"Authorization": "Bearer x"}, 7, "text"]}
    before, after = masking.apply("t", old, new)
    assert before == {
        "card": {"token": MASKED_PREVIOUS, "brand": "visa"}, "headers": [{"Authorization": MASKED}, 7, "text"]
    }  # fmt: skip
    assert after == {"card": {"token": MASKED, "brand": "visa"}, "headers": [{"Authorization": MASKED}, 7, "text"]}


def test_elements_with_identities_are_compared_with_themselves() -> None:
    old = [{"id": 1, "token": "a"}, {"id": 2, "token": "b"}]
    new = [{"id": 2, "token": "b"}, {"id": 1, "token": "A"}, {"id": 3, "token": "c"}]
    assert changed({"keys": old}, {"keys": new}) == ["keys[id=1].token", "keys[id=3].id", "keys[id=3].token", "keys[]"]


def test_elements_without_identities_are_compared_in_their_places() -> None:
    assert changed({"keys": [{"token": "a"}]}, {"keys": [{"token": "b"}]}) == ["keys"]
    assert changed({"keys": [{"token": "a"}]}, {"keys": [{"token": "a"}]}) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"card": {"token": "a"}}, {"card": "none"}),
        ({"card": "none"}, {"card": {"token": "a"}}),
        ({"card": {"token": "a"}}, {"card": [{"token": "a"}]}),
        ({"card": [{"token": "a"}, {"token": "b"}]}, {"card": [{"token": "a"}]}),
        ({"card": ({"token": "a"},)}, {"card": None}),
        ({"card": {"token": "a"}}, {}),
        ({}, {"card": {"token": "a"}}),
        ({"token": "a"}, None),
        (None, {"a": [[[{"token": "a"}]]]}),
    ],
)
def test_a_secret_is_found_whatever_stands_on_the_other_side(old, new) -> None:
    text = json.dumps(masking.apply("t", old, new))
    assert '"a"' not in text.replace('{"a": [', "")
    assert MASKED in text


def test_what_is_deeper_than_the_wire_allows_is_masked_unseen() -> None:
    deep: Any = {"token": "hunter2"}
    for _ in range(250):
        deep = {"a": deep}
    assert "hunter2" not in repr(masking.apply("t", None, deep))


def test_what_stands_inside_itself_ends() -> None:
    inside: dict[str, Any] = {"token": "hunter2"}
    inside["self"] = inside
    assert "hunter2" not in repr(masking.apply("t", inside, inside))


# --- rules ---


def test_the_strictest_rule_wins() -> None:
    rules = Masking(drop=["a"], mask=["a", "b"], hash=["a", "b", "c"], keep=["a", "b", "c"], key=KEY)
    before, _ = rules.apply("t", {"a": 1, "b": 1, "c": 1, "d": 1}, None)
    assert before == {"b": MASKED, "c": rules.apply("t", {"c": 1}, None)[0]["c"], "d": 1}
    assert before["c"].startswith(HASHED)


def test_rules_by_table_hold_there_and_rules_for_every_table_everywhere() -> None:
    rules = Masking(mask={"users": ["ssn"], "*": ["iban"]})
    state = {"ssn": 1, "iban": 2}
    assert rules.apply("users", None, state) == (None, {"ssn": MASKED, "iban": MASKED})
    assert rules.apply("orders", None, state) == (None, {"ssn": 1, "iban": MASKED})


def test_a_plain_name_holds_at_every_depth_and_a_dotted_one_from_the_entity_down() -> None:
    rules = Masking(mask=["IBAN", "card.Number"])
    state = {
        "iban": 1,
        "x": {"iban": 2, "number": 3, "card": {"number": 4}},
        "card": [{"number": 5, "brand": 6}],
        "number": 7,
    }
    assert rules.apply("t", None, state)[1] == {
        "iban": MASKED, "x": {"iban": MASKED, "number": 3, "card": {"number": 4}},
        "card": [{"number": MASKED, "brand": 6}], "number": 7,
    }  # fmt: skip


def test_a_name_that_holds_a_dot_itself_can_be_named() -> None:
    assert Masking(mask=["card.number"]).apply("t", {"card.number": 1}, None)[0] == {"card.number": MASKED}


def test_keep_names_the_exceptions_by_name_or_by_path() -> None:
    rules = Masking(keep=["max_tokens", "limits.token"])
    state = {"max_tokens": 5, "token": 6, "limits": {"token": 7, "max_tokens": 8}}
    assert rules.apply("t", state, None)[0] == {
        "max_tokens": 5,
        "token": MASKED,
        "limits": {"token": 7, "max_tokens": 8},
    }


def test_a_dropped_attribute_leaves_with_its_name() -> None:
    rules = Masking(drop=["photo"])
    assert rules.apply("t", {"photo": 1, "a": {"photo": 2}}, {"photo": 3}) == ({"a": {}}, {})


def test_one_name_may_be_given_as_it_is() -> None:
    assert Masking(mask="iban").apply("t", {"iban": 1, "i": 2}, None)[0] == {"iban": MASKED, "i": 2}


# --- keyed hashes ---


def test_equal_values_stay_comparable_across_events_attributes_and_tables() -> None:
    rules = Masking(hash=["email", "mail"], key=KEY)
    first = rules.apply("users", {"email": "ann@example.com"}, None)[0]["email"]
    second = rules.apply("orders", None, {"mail": "ann@example.com"})[1]["mail"]
    other = rules.apply("users", {"email": "bob@example.com"}, None)[0]["email"]
    assert first == second != other
    assert len(first) == len(other) == len(HASHED) + 32


def test_another_key_gives_another_hash() -> None:
    one, two = (Masking(hash=["a"], key=key).apply("t", {"a": 1}, None) for key in (KEY, "another key of 16 bytes"))
    assert one != two


def test_a_hash_that_is_asked_for_is_given_for_a_secrets_name_too() -> None:
    rules = Masking(hash=["password", "card.token"], key=KEY)
    before, _ = rules.apply("t", {"password": "x", "card": {"token": "y"}}, None)
    assert before["password"].startswith(HASHED)
    assert before["card"]["token"].startswith(HASHED)


def test_what_is_equal_under_the_diff_has_one_hash_on_both_sides() -> None:
    rules = Masking(hash=["a"], key=KEY)
    assert changed({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, rules) == []
    assert changed({"a": None}, {"a": None}, rules) == []
    assert changed({"a": 1}, {"a": 2}, rules) == ["a"]


@pytest.mark.parametrize("odd", ["\ud800", object(), {1j}])
def test_what_has_no_json_text_is_masked_instead_of_hashed(odd: object) -> None:
    rules = Masking(hash=["a"], key=KEY)
    assert rules.apply("t", {"a": odd}, {"a": "x"}) == ({"a": MASKED_PREVIOUS}, {"a": MASKED})


@pytest.mark.parametrize("key", [None, b"", b"short", "fifteen bytes.."])
def test_hashing_needs_a_key_worth_the_name(key) -> None:
    with pytest.raises(UsageError):
        Masking(hash=["a"], key=key)


def test_the_key_is_not_shown() -> None:
    assert "sixteen" not in repr(Masking(hash=["a"], key=KEY))


# --- what it is given ---


def test_what_is_given_is_never_edited() -> None:
    old = {"token": "a", "list": [{"token": "b"}], "in": {"token": "c"}}
    new = {"token": "A", "list": [{"token": "B"}], "in": {"token": "C"}}
    kept = copy.deepcopy((old, new))
    masking.apply("t", old, new)
    Masking(drop=["list"], hash=["in"], key=KEY).apply("t", old, new)
    assert (old, new) == kept


def test_a_state_without_secrets_comes_back_itself() -> None:
    old, new = {"a": 1, "b": [1, {"c": 2}]}, {"a": 2, "b": [{"c": 3}], "empty": {}}
    before, after = masking.apply("t", old, new)
    assert before is old
    assert after is new
    assert masking.apply("t", None, {}) == (None, {})


def test_the_order_of_attributes_stays() -> None:
    before, _ = masking.apply("t", {"z": 1, "token": 2, "a": 3}, None)
    assert list(before) == ["z", "token", "a"]


def test_names_of_any_kind_do_no_harm() -> None:
    state = {1: "a", None: "b", ("password", 1): "c", "token": "d"}
    assert masking.apply("t", state, None)[0] == {**state, ("password", 1): MASKED, "token": MASKED}


def test_names_that_are_data_do_not_fill_the_memory() -> None:
    own = Masking()
    for n in range(6000):
        own.apply(f"t{n}", {f"n{n}": 1, "x" * 500: 2}, None)
        own.apply("t", {f"n{n}": 1}, None)
    rules = own._rules
    assert len(rules._tables) <= 4096
    assert len(rules.of("t")._known) <= 4096
    assert len(rules.of("t")._plans) <= 256


# --- nothing leaks ---

LETTERS = "".join(chr(0x4E00 + n) for n in range(60))
SECRET_TEXT = st.text(LETTERS, min_size=1, max_size=30)
NAMES = st.sampled_from(["password", "api_key", "AccessToken", "title", "id", "card", "lines", "email"])


def states(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    value = st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
    )
    return st.dictionaries(NAMES, value, max_size=6)


SECRET_STATES = states(SECRET_TEXT | st.integers(1, 3) | st.none() | st.booleans())
EVERYTHING = Masking(mask=["title", "id", "card", "lines"], hash=["email"], key=KEY)


@given(SECRET_STATES, SECRET_STATES)
def test_no_part_of_a_masked_value_is_in_what_leaves(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Every name that these states have is masked or hashed, so not one of the letters used in values may be left."""
    text = json.dumps(EVERYTHING.apply("t", old, new), ensure_ascii=False)
    assert not set(text) & set(LETTERS)


PUBLIC = st.sampled_from(["title", "id", "card", "lines", "email"])
SECRET = st.sampled_from(["password", "api_key", "AccessToken", "secrets"])
MIXED = st.recursive(
    st.dictionaries(SECRET, SECRET_TEXT | SECRET_STATES | st.lists(SECRET_TEXT), max_size=3),
    lambda inner: st.dictionaries(PUBLIC, inner | st.lists(inner, max_size=3) | st.integers(1, 3), max_size=4),
    max_leaves=12,
)


@given(MIXED, MIXED)
def test_secrets_are_found_among_what_is_public_at_every_depth(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = masking.apply("t", old, new)
    assert not set(json.dumps([before, after], ensure_ascii=False)) & set(LETTERS)
    assert bool(diff_data(before, after, action="update")) == bool(diff_data(old, new, action="update"))


@given(SECRET_TEXT, SECRET_TEXT)
def test_neither_length_nor_plain_hash_of_a_masked_value_is_in_what_leaves(old: str, new: str) -> None:
    assume(old != new)
    same_for_all = masking.apply("t", {"password": "x"}, {"password": "yy"})
    assert masking.apply("t", {"password": old}, {"password": new}) == same_for_all
    text = json.dumps(EVERYTHING.apply("t", {"email": old}, {"email": new}))
    for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        for written in (new, json.dumps(new, ensure_ascii=False)):
            digest = hashlib.new(algorithm, written.encode()).hexdigest()
            assert digest[:8] not in text


@given(SECRET_STATES, SECRET_STATES)
def test_masking_hides_values_and_never_that_something_changed(old: dict[str, Any], new: dict[str, Any]) -> None:
    plainly = {change.attribute for change in diff_data(old, new, action="update")}
    assert bool(changed(old, new)) == bool(plainly)


@given(SECRET_STATES)
def test_an_unchanged_state_stays_unchanged(state: dict[str, Any]) -> None:
    before, after = EVERYTHING.apply("t", state, copy.deepcopy(state))
    assert before == after
