"""Attribute names are reversible, and no two attributes share one (DESIGN §4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.model import paths
from byline.model.number import Number
from byline.model.paths import ORDER, Element
from tests.unit.model.made import identities, names

steps = st.builds(
    lambda first, rest, order: [first, *rest, *order],
    names,
    st.lists(
        st.one_of(names, st.builds(Element, st.sampled_from(["id", "_id"]), identities.map(paths.identity_text))),
        max_size=4,
    ),
    st.sampled_from([[], [ORDER]]),
)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (["title"], "title"),
        (["address", "city"], "address.city"),
        (["lines", Element("id", "7"), "price"], "lines[id=7].price"),
        (["lines", Element("id", '"7"'), "price"], 'lines[id="7"].price'),
        (["lines", Element("_id", "true"), "price"], "lines[_id=true].price"),
        (["lines", ORDER], "lines[]"),
        (["a.b"], '["a.b"]'),
        (["address", "a.b", "c"], 'address["a.b"].c'),
        ([""], '[""]'),
        (["a", ""], 'a[""]'),
        (["a]b"], '["a]b"]'),
        (["a[b"], '["a[b"]'),
        (['a"b'], '["a\\"b"]'),
        (["a\\b"], '["a\\\\b"]'),
        (["a\nb"], '["a\\nb"]'),
        (["\x7f\x85"], '["\\u007f\\u0085"]'),
        (["lines[]"], '["lines[]"]'),
        (["a=b c/d-é😀"], "a=b c/d-é😀"),
    ],
)
def test_an_attribute_is_named_as_people_write_it(path: list[paths.Step], name: str) -> None:
    assert paths.join(path) == name
    assert paths.parse(name) == path


@given(steps)
def test_names_are_reversible(path: list[paths.Step]) -> None:
    assert paths.parse(paths.join(path)) == path


@given(steps, steps)
def test_no_two_attributes_share_a_name(a: list[paths.Step], b: list[paths.Step]) -> None:
    assert (paths.join(a) == paths.join(b)) is (a == b)


@given(st.text(alphabet='ab.[]"\\=id_7\x00 -e', max_size=12))
def test_parse_takes_a_name_or_says_that_it_is_none(text: str) -> None:
    try:
        path = paths.parse(text)
    except ValueError:
        return
    assert paths.join(path) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a[",
        "a]",
        "[]",
        "[id=7]",
        "a[].b",
        "a[id=7.0]",
        "a[id=-0]",
        "a[id=07]",
        "a[id=null]",
        '["plain"]',
        '["a.b"',
        '["a.b"x',
        "a[id=7",
        'a[id="\\u0041"]',
        "a[key=7]",
        "a\x00b",
        "a[id=7]b",
        '["\\u007F"]',
    ],
)
def test_only_the_one_spelling_is_a_name(text: str) -> None:
    with pytest.raises(ValueError, match="not the name of an attribute"):
        paths.parse(text)


def test_an_identity_is_json() -> None:
    assert paths.identity_text(7) == paths.identity_text(Number("7.0")) == paths.identity_text(Number("7e0")) == "7"
    assert paths.identity_text("7") == '"7"'
    assert paths.identity_text(True) == "true"
    assert len({paths.identity_text(value) for value in (1, "1", True, "true", 0, False)}) == 6
