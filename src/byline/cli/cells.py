"""Facts as a table shows them. Who wants them exactly takes ``--json``."""

from __future__ import annotations

from typing import Protocol

from byline.model.change import ValueType


class Acted(Protocol):
    """Whatever tells who did it."""

    @property
    def user_id(self) -> str | None: ...

    @property
    def user_email(self) -> str | None: ...

    @property
    def user_name(self) -> str | None: ...


def value_cell(text: str | None, kind: ValueType) -> str:
    """One side of a change."""
    if kind == "absent" or text is None:
        return "(absent)"
    return '""' if kind == "string" and not text else text


def who(row: Acted) -> str:
    """What a person would call the actor."""
    return row.user_name or row.user_email or row.user_id or ""
