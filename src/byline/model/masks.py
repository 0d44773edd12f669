"""What stands where a value was not recorded in clear. The capture library writes these marks; a test holds both to the
same ones."""

from __future__ import annotations

import re
from typing import Final

from byline.model.event import Json
from byline.model.values import ENVELOPE

MASKED: Final = "***"
MASKED_PREVIOUS: Final = "*** (previous)"
_HASHED = re.compile(r"hmac:[0-9a-f]{32}")
_CUT: Final = "(cut: "


def is_masked(value: Json) -> bool:
    """Whether the value is a mark (masked, hashed, cut) or holds one."""
    return _holds(value, encrypted=False)


def is_veiled(value: Json) -> bool:
    """Whether the value is masked or encrypted, or holds something that is."""
    return _holds(value, encrypted=True)


def _holds(value: Json, *, encrypted: bool) -> bool:
    kind = type(value)
    if kind is str:
        return value in (MASKED, MASKED_PREVIOUS) or value.startswith(_CUT) or _HASHED.fullmatch(value) is not None
    if kind is dict:
        if encrypted and ENVELOPE in value:
            return True
        return any(_holds(member, encrypted=encrypted) for member in value.values())
    return kind is list and any(_holds(member, encrypted=encrypted) for member in value)
