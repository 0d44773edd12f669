"""The change: one attribute's previous → current value (DESIGN §4)."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ValueType = Literal["absent", "null", "boolean", "number", "string", "array", "object", "encrypted"]

VALUE_TYPES: tuple[ValueType, ...] = ("absent", "null", "boolean", "number", "string", "array", "object", "encrypted")
"""In storage order: a type is stored as its place here, so this tuple may only grow at its end."""


class Change(Struct, frozen=True):
    """One attribute that differs.

    A value is text plus a type: a string as itself, anything else as JSON text with sorted keys, ``None`` where absent.
    """

    attribute: str
    previous_value: str | None
    current_value: str | None
    previous_type: ValueType
    current_type: ValueType
