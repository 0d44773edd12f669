"""Numbers: token for token on the wire, equal by sign, digits and exponent (DESIGN §4)."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from byline.model.number import Number, canonical, normal
from tests.unit.model.made import number_tokens

HUGE = "9" * 5000


@pytest.mark.parametrize("token", ["1", "1.0", "1e0", "1E+0", "10e-1", "0.1e1", "1.000e000"])
def test_equal_numbers_are_equal_however_they_are_written(token: str) -> None:
    assert Number(token) == Number("1")
    assert hash(Number(token)) == hash(1)


@pytest.mark.parametrize("token", ["-0", "-0.0", "0e5", "-0E-99999999999999999999", "0.000"])
def test_minus_zero_equals_zero(token: str) -> None:
    assert Number(token) == Number("0") == 0
    assert hash(Number(token)) == hash(0)


@pytest.mark.parametrize(
    ("a", "b"), [("1", "-1"), ("1", "1.1"), ("1e1", "1e2"), ("0.1", "0.10000000000000001"), ("1", "0")]
)
def test_other_numbers_differ(a: str, b: str) -> None:
    assert Number(a) != Number(b)


def test_a_number_may_equal_an_int_but_never_a_bool_or_a_string() -> None:
    assert Number("1.0") == 1
    assert 1 == Number("1.0")  # noqa: SIM300 - the other way round
    assert Number("1") != True  # noqa: E712
    assert True != Number("1")  # noqa: E712, SIM300
    assert Number("0.0") != False  # noqa: E712
    assert Number("1") != "1"
    assert Number("1.5") != None  # noqa: E711


def test_no_exponent_is_too_large_to_compare() -> None:
    assert Number("1e999999999999") != Number("1e999999999998")
    assert Number("10e999999999998") == Number("1e999999999999")
    assert Number("1e1" + "0" * 5000) == Number("10e" + HUGE)
    assert Number("1e-1" + "0" * 5000) == Number("0.1e-" + HUGE)
    assert len({Number("1e1" + "0" * 5000), Number("10e" + HUGE)}) == 1


def test_no_number_is_too_long_to_compare() -> None:
    assert Number(HUGE + ".0") == Number(HUGE)
    assert Number(HUGE) == 10**5000 - 1
    assert hash(Number(HUGE)) == hash(10**5000 - 1)
    assert hash(Number("-" + HUGE)) == hash(1 - 10**5000)


def test_a_number_is_immutable_and_keeps_its_token() -> None:
    number = Number("119.00")
    with pytest.raises(AttributeError):
        number.text = "1"
    with pytest.raises(AttributeError):
        del number.text
    assert not hasattr(number, "__dict__")
    for same in (copy.copy(number), copy.deepcopy(number), pickle.loads(pickle.dumps(number))):
        assert same.text == "119.00"


@pytest.mark.parametrize("text", ["", "01", "1.", ".5", "+1", "NaN", "1e", "1 ", "\u0661", "0x1", "1_000", "-"])
def test_parse_takes_json_numbers_only(text: str) -> None:
    with pytest.raises(ValueError, match="not a JSON number"):
        Number.parse(text)
    assert Number.parse("-1.50e+7").text == "-1.50e+7"


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("7", "7"),
        ("7.0", "7"),
        ("7e0", "7"),
        ("-0.0", "0"),
        ("1200", "1200"),
        ("1.20e3", "1200"),
        ("0.00120", "0.0012"),
        ("-12.50", "-12.5"),
        ("1e400", "1e400"),
        ("10E-30", "1e-29"),
    ],
)
def test_canonical_is_one_plain_spelling(token: str, text: str) -> None:
    assert canonical(token) == text


@given(number_tokens)
def test_canonical_is_a_token_of_the_same_number(token: str) -> None:
    assert Number.parse(canonical(token)) == Number(token)
    assert canonical(canonical(token)) == canonical(token)


@given(number_tokens, number_tokens)
def test_equality_canonical_and_hash_agree(a: str, b: str) -> None:
    assert (Number(a) == Number(b)) is (canonical(a) == canonical(b))
    if Number(a) == Number(b):
        assert hash(Number(a)) == hash(Number(b))


@given(number_tokens, number_tokens)
def test_equality_is_the_mathematical_one(a: str, b: str) -> None:
    assume(all(len(token.lower().partition("e")[2]) < 5 for token in (a, b)))
    assert (Number(a) == Number(b)) is (Decimal(a) == Decimal(b))


@given(st.integers(), st.integers(0, 40))
def test_an_int_equals_its_tokens_and_hashes_alike(value: int, zeros: int) -> None:
    for token in (str(value), f"{value}.{'0' * (zeros + 1)}", f"{value * 10**zeros}e-{zeros}"):
        assert Number(token) == value
        assert hash(Number(token)) == hash(value)


def test_normal_form_has_no_superfluous_zeros() -> None:
    assert normal("-0012.3400e1".replace("00", "", 1)) == ("-", "1234", "-1")
