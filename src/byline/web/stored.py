"""Stored text on a page: escaped, isolated from the text around it, and with hidden characters made visible."""

from __future__ import annotations

from markupsafe import Markup, escape

from byline.model.hidden import HIDDEN

_CHIP = Markup('<span class="chip" title="A character that does not show">U+{code}</span>')


LONGEST = 240
"""Characters of a name, an id or the like that a page shows: nothing in the wire format bounds them."""

_REST = Markup(' <i class="note">… {} more characters</i>')


def stored(text: str) -> Markup:
    """``text`` in a ``bdi`` of its own, so that it can neither add markup nor turn its neighbours round; folded where
    it is long."""
    shown = Markup("<bdi>{}</bdi>").format(visible(text[:LONGEST]))
    return shown + _REST.format(len(text) - LONGEST) if len(text) > LONGEST else shown


def visible(text: str) -> Markup:
    """``text`` escaped, each control, zero-width or direction character as a chip with its code point. Line ends and
    tabs stay."""
    parts: list[Markup] = []
    at = 0
    for match in HIDDEN.finditer(text):
        parts += [escape(text[at : match.start()]), _shown(match.group())]
        at = match.end()
    return Markup("").join([*parts, escape(text[at:])])


def _shown(character: str) -> Markup:
    return escape(character) if character in "\n\t" else _CHIP.format(code=f"{ord(character):04X}")
