"""What differs between two records of one state that should be the same."""

from __future__ import annotations

from operator import attrgetter

from byline.model.change import Change
from byline.model.diff import diff_data
from byline.model.event import Data
from byline.model.masks import is_veiled
from byline.model.query import ChangeItem
from byline.model.values import from_text

_ORDER = "[]"


def differences(before: Data, after: Data) -> list[ChangeItem]:
    """The attributes that both carry in clear, and in which they differ; in order of attributes.

    What only one of them has may be a new column, or one that this service does not see. What is masked or encrypted on
    either side cannot be compared: marks and keys differ from recorder to recorder.
    """
    changes = (change for change in diff_data(before, after, action="update") if _tells(change))
    return sorted(map(item, changes), key=attrgetter("attribute"))


def item(change: Change) -> ChangeItem:
    """A change as answers show it."""
    return ChangeItem(
        change.attribute, change.previous_value, change.current_value, change.previous_type, change.current_type
    )


def _tells(change: Change) -> bool:
    types = (change.previous_type, change.current_type)
    if "absent" in types or "encrypted" in types:
        return False
    previous = from_text(change.previous_value, change.previous_type)
    current = from_text(change.current_value, change.current_type)
    if change.attribute.endswith(_ORDER) and not _same_elements(previous, current):
        return False
    return not (is_veiled(previous) or is_veiled(current))


def _same_elements(previous: object, current: object) -> bool:
    """Whether only the order of a list's elements differs: elements that came or went are not carried by both."""
    if not isinstance(previous, list) or not isinstance(current, list):
        return False
    return len(previous) == len(current) and all(element in current for element in previous)
