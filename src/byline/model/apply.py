"""Apply the changes of an update to the state before: it gives the state after, under DESIGN §4's equality."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

from byline.model import paths
from byline.model.change import Change
from byline.model.event import Data, Json
from byline.model.values import ABSENT, from_text

_STRANGE: Final = "this change does not fit the state: "


class _OpenList(dict[str, Data]):
    """A list being changed: its elements by the JSON text of their identity."""


def apply(old: Data | None, changes: Iterable[Change]) -> Data:
    """The state that ``changes``, in document order, make of ``old``, which is left as it is; ``None`` counts as
    ``{}``.

    Raises ``ValueError`` where a change speaks of something that the state does not have.
    """
    state: Data = _copied(old or {})
    for change in changes:
        trail = _trail(state, paths.parse(change.attribute), change.attribute)
        current = from_text(change.current_value, change.current_type)
        if current is ABSENT:
            _remove(trail, change.attribute)
        else:
            _set(trail, current, change.attribute)
    _close(state)
    return state


_Trail = list[tuple[dict[str, Any], paths.Step]]


def _trail(state: Data, steps: list[paths.Step], attribute: str) -> _Trail:
    """Every container on the way with the step taken in it; made where it is missing, opened where it is a list."""
    holder: dict[str, Any] = state
    trail: _Trail = []
    for step, following in pairwise(steps):
        trail.append((holder, step))
        inside = holder.setdefault(_key(step), {}) if isinstance(following, str) else _opened(holder, step, following)
        if not isinstance(inside, dict):
            raise ValueError(_STRANGE + attribute)
        holder = inside
    trail.append((holder, steps[-1]))
    return trail


def _key(step: paths.Step) -> str:
    if isinstance(step, str):
        return step
    return step.identity if isinstance(step, paths.Element) else ""


def _opened(holder: dict[str, Any], at: paths.Step, step: paths.Element | paths.Order) -> _OpenList | None:
    found = holder.get(_key(at), [])
    if type(found) is list:
        name = step.name if isinstance(step, paths.Element) else _identity_name(found)
        try:
            found = _OpenList((paths.identity_text(item[name]), item) for item in found)
        except (KeyError, TypeError):  # not a list of objects with such an identity
            return None
        holder[_key(at)] = found
    return found if type(found) is _OpenList else None


def _identity_name(items: list[Data]) -> str:
    """By which name a list is ordered whose elements kept all they had: the preferred one that every element has."""
    name = paths.IDENTITY_NAMES[0]
    texts = {paths.identity_text(item[name]) for item in items if type(item.get(name)) not in (type(None), list, dict)}
    return name if len(texts) == len(items) else paths.IDENTITY_NAMES[1]


def _set(trail: _Trail, current: Json, attribute: str) -> None:
    holder, step = trail[-1]
    if isinstance(step, str):
        holder[step] = current
        return
    order = [paths.identity_text(identity) for identity in current] if type(current) is list else []
    if not isinstance(step, paths.Order) or sorted(order) != sorted(holder):
        raise ValueError(_STRANGE + attribute)
    elements = dict(holder)
    holder.clear()
    holder.update((identity, elements[identity]) for identity in order)


def _remove(trail: _Trail, attribute: str) -> None:
    """Remove a leaf, and every container that is empty for it: one that stays has a change of its own, which comes
    later."""
    holder, step = trail[-1]
    if _key(step) not in holder:
        raise ValueError(_STRANGE + attribute)
    for holder, step in reversed(trail):
        del holder[_key(step)]
        if holder:
            return


def _copied(value: Json) -> Any:
    if type(value) is dict:
        return {name: _copied(member) for name, member in value.items()}
    if type(value) is list:
        return [_copied(member) for member in value]
    return value


def _close(holder: dict[str, Any]) -> None:
    """Turn open lists back into lists."""
    for key, member in holder.items():
        if isinstance(member, dict):
            _close(member)
        if type(member) is _OpenList:
            holder[key] = list(member.values())
