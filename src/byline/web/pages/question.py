"""The filters in words: a page's heading, and what to say where nothing matches. Pure."""

from __future__ import annotations

from byline.web.pages.filters import View
from byline.web.sentence import Piece, Sentence

_DONE = {"create": "created", "update": "changed", "delete": "deleted"}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def heading(view: View) -> Sentence:
    """``What changed``; ``Who set status to REFUNDED?``"""
    if _asks_who(view):
        return [Piece("Who "), *_set(view), Piece("?")]
    return _what(view, "What ")


def nothing(view: View) -> Sentence:
    """``No one set status to REFUNDET``."""
    if _asks_who(view):
        return [Piece("No one "), *_set(view)]
    return [Piece("Nothing matches")]


def _asks_who(view: View) -> bool:
    asked = view.filters
    return "user_id" not in asked and "user_email" not in asked and bool(_told(view))


def _told(view: View) -> list[str]:
    return [name for name in ("attribute", "previous_value", "current_value") if name in view.filters]


def _set(view: View) -> Sentence:
    """``set status to REFUNDED``, ``changed status from PAID``."""
    asked = view.filters
    what = Piece(asked["attribute"], "attribute") if "attribute" in asked else Piece("something")
    was, became = asked.get("previous_value"), asked.get("current_value")
    if was is None and became is not None:
        return [Piece("set "), what, Piece(" to "), Piece(became, "attribute")]
    told = [Piece("changed "), what]
    if was is not None:
        told += [Piece(" from "), Piece(was, "attribute")]
    if became is not None:
        told += [Piece(" to "), Piece(became, "attribute")]
    return told


def _what(view: View, begin: str) -> Sentence:
    asked = view.filters
    done = _DONE.get(asked.get("action", ""), "changed")
    by = asked.get("user_email") or asked.get("user_id")
    if by:
        told = [Piece(begin), Piece(by, "attribute"), Piece(f" {done}")]
    else:
        told = [Piece(f"{begin}{'was ' if 'action' in asked else ''}{done}")]
    told += _where(view)
    if "request_id" in asked:
        told.append(Piece(" in one request"))
    return told


def _where(view: View) -> Sentence:
    asked = view.filters
    table, entity, service = asked.get("table_id"), asked.get("entity_id"), asked.get("microservice_name")
    told: Sentence = []
    if table or entity:
        told += [Piece(" in "), Piece(" ".join(filter(None, (table, entity))), "attribute")]
    if service:
        told += [Piece(" by way of "), Piece(service, "attribute")]
    return told


def together(count: int) -> str:
    """``No change matches these four filters together. With one fewer:``"""
    if count == 1:
        return "No change matches this filter. Without it:"
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"No change matches these {number} filters together. With one fewer:"
