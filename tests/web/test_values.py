from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from byline.model.change import ValueType
from byline.model.query import ChangeItem
from byline.web.folding import AROUND, AT_MOST, SHOWN
from byline.web.values import COMPARED_WORDS, Difference, Side, difference, one_side


def of(old: str | None, new: str | None, old_type: ValueType = "string", new_type: ValueType = "string") -> Difference:
    return difference(ChangeItem("title", old, new, old_type, new_type))


def text(side: Side) -> str:
    return "".join(run.text for run in side.runs)


def marked(side: Side) -> list[str]:
    return [run.text for run in side.runs if run.marked]


def test_the_words_that_differ_are_marked() -> None:
    shown = of("Redmi note 9 max | 6gb Ram | 128gb Storage", "Redmi note 9 max | 4gb Ram | 128gb Storage")
    assert (marked(shown.was), marked(shown.now)) == (["6gb"], ["4gb"])


def test_white_space_stays_outside_the_mark() -> None:
    shown = of("one two three four", "one two three and four")
    assert (marked(shown.was), marked(shown.now)) == ([], ["and"])


def test_words_that_differ_side_by_side_are_one_mark() -> None:
    shown = of("a b c d e f g", "a b c x y f g")
    assert (marked(shown.was), marked(shown.now)) == (["d e"], ["x y"])


def test_where_fewer_than_a_third_of_the_words_agree_nothing_is_marked() -> None:
    shown = of("a b c d", "a x y z")
    assert (marked(shown.was), marked(shown.now)) == ([], [])


def test_short_values_share_a_line_and_long_ones_do_not() -> None:
    assert of("PAID", "PARTLY_REFUNDED").one_line
    assert of("x" * 30, "y" * 30).one_line
    assert not of("x" * 30, "y" * 31).one_line
    assert not of("the same words at length", "the same words at lengths").one_line


def test_null_not_set_and_empty_text_are_told_apart_from_text() -> None:
    assert of(None, "null", "null", "string").was == Side([], "null")
    assert of(None, "", "absent", "string").was == Side([], "not set")
    assert of("", "x").was == Side([], "empty text")
    assert of("null", "x").was.note is None


def test_types_are_shown_where_they_differ() -> None:
    shown = of("4200", "4200", "string", "number")
    assert (shown.was.type, shown.now.type) == ("text", "number")
    assert of("4200", "[1]", "string", "array").now.type == "list"
    assert of("4200", "4300", "number", "number").was.type is None
    assert of(None, "4300", "null", "number").now.type is None


def test_an_encrypted_value_is_not_shown() -> None:
    assert of("{...}", "x", "encrypted", "string").was == Side([], "[encrypted]")


def test_blanks_at_either_end_are_told_apart_from_the_text() -> None:
    shown = of(" x ", "y")
    assert [(run.text, run.space) for run in shown.was.runs] == [(" ", True), ("x", False), (" ", True)]
    assert [run.space for run in of("   ", "y").was.runs] == [True]


def told(side: Side) -> int:
    """Characters that are shown, or said to be left out."""
    return sum(len(run.text) + run.left_out for run in side.runs)


@given(st.text(), st.text())
def test_nothing_of_a_value_is_lost_but_what_is_said_to_be_folded(old: str, new: str) -> None:
    shown = of(old, new)
    for side, whole in ((shown.was, old), (shown.now, new)):
        assert told(side) == len(whole)
        if len(whole) <= SHOWN:
            assert text(side) == whole
            assert side.whole is None


@given(st.lists(st.sampled_from(["same", "words", "x", " ", "\n"]), min_size=100, max_size=600), st.integers(0, 99))
@settings(max_examples=30)
def test_long_values_keep_what_is_around_their_differences(words: list[str], at: int) -> None:
    old, new = " ".join(words), " ".join([*words[:at], "other", *words[at + 1 :]])
    shown = of(old, new)
    assert told(shown.was) == len(old)
    assert len(text(shown.was)) <= 2 * SHOWN
    if len(old) > SHOWN:
        assert "".join(run.text for run in shown.was.whole or []) == old


def test_a_long_stretch_that_agrees_is_folded_between_its_ends() -> None:
    alike = "one two three " * 40
    shown = of(f"{alike}ceramic hobs", f"{alike}induction hobs")
    assert marked(shown.now) == ["induction"]
    folded = [run for run in shown.now.runs if run.left_out]
    assert [run.left_out for run in folded] == [len(alike) - 2 * AROUND]
    assert not folded[0].more


def test_a_value_of_any_size_makes_a_page_of_bounded_size() -> None:
    side = one_side("x" * 1_000_000, "string")
    assert len(text(side)) == SHOWN
    assert sum(len(run.text) for run in side.whole or []) == AT_MOST
    assert (side.whole or [])[-1].left_out == 1_000_000 - AT_MOST


def test_values_of_more_words_than_are_compared_are_compared_from_their_ends() -> None:
    many = "same " * COMPARED_WORDS
    assert marked(of("a " + many, "b " + many).was) == ["a"]
    assert marked(of("a same same", "b same same").was) == ["a"]
    apart = of("a " + many + "c", "b " + many + "d")
    assert (marked(apart.was), marked(apart.now)) == ([], [])


def test_what_an_event_did_not_tell_is_not_said_to_have_been_unset() -> None:
    change = ChangeItem("title", None, "x", "absent", "string")
    assert difference(change).was.note == "not set"
    assert difference(change, one_sided=True).was.note == "not told"


LONG = "word " * 5_000


def test_a_difference_at_the_end_of_a_long_text_is_shown() -> None:
    shown = of(LONG + "one", LONG + "two")
    assert (marked(shown.was), marked(shown.now)) == (["one"], ["two"])
    assert text(shown.now).endswith(" two")
    shown = of(LONG, LONG + "and more")
    assert (marked(shown.was), marked(shown.now)) == ([], ["and more"])
    shown = of(f"a {LONG} b {LONG} c", f"x {LONG} b {LONG} c")
    assert (marked(shown.was), marked(shown.now)) == (["a"], ["x"])


def test_nothing_is_called_unchanged_that_differs_far_behind() -> None:
    old = " ".join(f"somewhat-long-{number:04}" for number in range(400))
    shown = of(old, old.replace("0002", "XXXX").replace("0390", "YYYY"))
    assert all(run.more for side in (shown.was, shown.now) for run in side.runs if run.left_out)
    shown = of(old, old.replace("0150", "XXXX").replace("0250", "YYYY"))
    assert marked(shown.now) == ["somewhat-long-XXXX", "somewhat-long-YYYY"]


@given(st.text("ab \n", max_size=40), st.text("ab \n", max_size=40), st.sampled_from(["", "z", LONG]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_long_texts_lose_nothing_where_they_are_marked(old: str, new: str, middle: str, before: bool) -> None:
    long = "tail and tail " * 200
    was, now = (f"{end}{middle}{long}" if before else f"{long}{middle}{end}" for end in (old, new))
    for side, whole in (((shown := of(was, now)).was, was), (shown.now, now)):
        assert side.length == len(whole)
        assert sum(len(run.text) + run.left_out for run in side.runs) == len(whole)
