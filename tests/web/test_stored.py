from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from byline import web
from byline.model.hidden import HIDDEN
from byline.web.stored import LONGEST, stored


@given(st.text())
def test_stored_text_adds_no_markup_but_its_frame_and_chips(text: str) -> None:
    inside = str(stored(text)).removeprefix("<bdi>").removesuffix("</bdi>")
    bare = re.sub(r'<span class="chip" title="[^"<>]*">U\+[0-9A-F]{4,6}</span>', "", inside)
    assert not set(bare) & set("<>\"'")


def test_long_text_is_folded_and_says_how_much() -> None:
    assert stored("x" * LONGEST) == f"<bdi>{'x' * LONGEST}</bdi>"
    assert stored("x" * (LONGEST + 7)).endswith("… 7 more characters</i>")


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_reads_as_it_is(text: str) -> None:
    assert Markup(stored(text)).unescape() == f"<bdi>{text}</bdi>"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\u200b", "\u202e", "\u2066", "\ufeff", "\u2028", "\r"])
def test_a_character_that_hides_is_shown_by_its_code_point(character: str) -> None:
    assert character not in stored(f"a{character}b")
    assert f"U+{ord(character):04X}" in stored(f"a{character}b")


def test_line_ends_and_tabs_stay() -> None:
    assert stored("a\n\tb") == "<bdi>a\n\tb</bdi>"


def test_the_element_shows_the_same_hidden_characters_as_the_pages() -> None:
    script = (Path(web.__file__).parent / "static" / "byline-timeline.js").read_text()
    [ranges] = re.findall(r"const ODD = /\[(.*)\]/u;", script)
    odd = re.compile("[" + re.sub(r"\\u\{(\w+)\}", lambda found: f"\\U{found[1]:0>8}", ranges) + "]")
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF and chr(code) not in "\n\t"]
    assert {one for one in characters if odd.search(one)} == {one for one in characters if HIDDEN.search(one)}
