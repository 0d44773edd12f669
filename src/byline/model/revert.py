"""What an entity would be without some of its events: they are taken back one by one, the newest first.

Only what is still as the event left it is taken back. What somebody changed since is theirs, and stays: it is refused,
and so is what cannot be told from it (the other parts of an element that came with it, of a list that was put in
another order).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from byline.model import paths
from byline.model.apply import apply
from byline.model.change import Change
from byline.model.diff import diff_data
from byline.model.differences import differences
from byline.model.event import AuditEvent, Data
from byline.model.masks import is_masked, is_veiled
from byline.model.query import EventRow
from byline.model.undo import Refusal, Why
from byline.model.values import from_text

_REPAIRED = "\ufffd"


class Reverted(Struct, frozen=True):
    """What is left of an entity, and what was not taken back."""

    state: Data | None
    refused: list[Refusal]


def revert(now: Data | None, chain: Sequence[EventRow], own: Mapping[str, AuditEvent | None]) -> Reverted:
    """``now`` without the events in ``own`` (by id; ``None`` where one cannot be read), which are in ``chain``: the
    events of the entity from the first of them on, oldest first."""
    work = _Revert(now)
    since = _Since()
    for row in reversed(chain):
        if row.event_id in own:
            work.take_back(row, own[row.event_id], since)
        else:
            since.add(row)
    return Reverted(work.state, sorted(work.refused.values(), key=lambda refusal: refusal.attribute or ""))


class _Since:
    """What others did after an event: which attributes they set, and in which events."""

    def __init__(self) -> None:
        self.attributes: dict[str, EventRow] = {}
        self._holders: dict[str, EventRow] = {}
        self.newest: EventRow | None = None
        self.anew: EventRow | None = None
        """The newest that created or deleted it: that sets all of it, also what has no change of its own (null)."""

    def add(self, row: EventRow) -> None:
        self.newest = self.newest or row
        if row.action != "update":
            self.anew = self.anew or row
        for change in row.changes:
            self.attributes.setdefault(change.attribute, row)
            for holder in _holders(change.attribute):
                self._holders.setdefault(holder, row)

    def touched(self, path: str) -> EventRow | None:
        """The newest event that set what is at this path, something inside of it, or something that it is inside of."""
        ways = (
            self.anew,
            self.attributes.get(path),
            self._holders.get(path),
            *map(self.attributes.get, _holders(path)),
        )
        return max((row for row in ways if row is not None), key=lambda row: row.occurred_at, default=None)


class _Revert:
    def __init__(self, now: Data | None) -> None:
        self.state = now
        self.refused: dict[str | None, Refusal] = {}

    def take_back(self, row: EventRow, event: AuditEvent | None, since: _Since) -> None:
        if event is None:
            self._refuse(None, "incomplete", f"The object of event {row.event_id} is not in the bucket any more.")
        elif event.action == "create":
            self._uncreate(event, since)
        elif event.action == "delete":
            self._undelete(event, since)
        elif event.old_data is None or event.new_data is None:
            self._refuse(None, "incomplete", f"Event {row.event_id} came without the state before or after it.")
        elif self.state is None:
            self._refuse_whole(since, "The entity is not there any more.")
        else:
            self._unchange(self.state, event.old_data, event.new_data, since, lossy=event.lossy)

    def _uncreate(self, event: AuditEvent, since: _Since) -> None:
        if self.state is None:
            return  # gone already, whoever did it
        for attribute, row in since.attributes.items():
            self._refuse(attribute, "changed_since", "It was set after the entity was created.", row)
        if not since.attributes and since.anew is not None:
            self._refuse_whole(since, "The entity came back since.")
        if since.attributes or since.anew is not None:
            return
        unseen = [] if None in self.refused else differences(event.new_data or {}, self.state)
        for change in unseen:
            self._refuse(change.attribute, "changed_unrecorded", "It is not what it was created with.")
        if not unseen:
            self.state = None
            self.refused.clear()

    def _undelete(self, event: AuditEvent, since: _Since) -> None:
        if self.state is not None or since.newest is not None:
            self._refuse_whole(since, "The entity came back since it was deleted.")
        elif event.old_data is None:
            self._refuse(None, "incomplete", "The event that deleted it came without its state.")
        else:
            self.state = {}
            self._unchange({}, event.old_data, {}, since, lossy=event.lossy)

    def _unchange(self, state: Data, old: Data, new: Data, since: _Since, *, lossy: bool) -> None:
        back = diff_data(new, old, action="update")
        units = _units(back)
        odd = _attributes_and_holders(diff_data(new, state, action="update"))
        left: list[Change] = []
        for change in back:
            refusal = _veiled(change, lossy=lossy) or _overtaken(change.attribute, units[change.attribute], since, odd)
            if refusal is None:
                left.append(change)
            else:
                self.refused.setdefault(change.attribute, refusal)
        self._apply(state, left)

    def _apply(self, state: Data, changes: Sequence[Change]) -> None:
        """All of them, if that changes nothing else; else none: what is left of a structure does not always fit."""
        meant = {change.attribute for change in changes}
        wanted = _applied(state, changes)
        if wanted is not None and meant >= {change.attribute for change in diff_data(state, wanted, action="update")}:
            self.state = wanted
            return
        for attribute in meant:
            self._refuse(attribute, "incomplete", "What it belongs to cannot be restored as a whole.")

    def _refuse_whole(self, since: _Since, detail: str) -> None:
        reason: Why = "changed_unrecorded" if since.newest is None else "changed_since"
        self._refuse(None, reason, detail, since.newest)

    def _refuse(self, attribute: str | None, reason: Why, detail: str, row: EventRow | None = None) -> None:
        self.refused.setdefault(attribute, refusal(attribute, reason, detail, row))


def _applied(state: Data, changes: Sequence[Change]) -> Data | None:
    try:
        return apply(state, changes)
    except ValueError:
        return None


def _veiled(change: Change, *, lossy: bool) -> Refusal | None:
    """Why its value before the event cannot be written back, whatever happened since."""
    before = from_text(change.current_value, change.current_type)
    if is_masked(before):
        return refusal(change.attribute, "masked", "What it was before was masked when it was recorded.")
    if is_veiled(before):
        return refusal(change.attribute, "encrypted", "What it was before was encrypted when it was recorded.")
    if lossy and _REPAIRED in (change.current_value or ""):
        return refusal(change.attribute, "incomplete", "What it was before had to be repaired when it was recorded.")
    return None


def _overtaken(attribute: str, unit: str, since: _Since, odd: set[str]) -> Refusal | None:
    """Why it is not as the event left it. ``odd``: what differs from the state behind the event, and what holds it."""
    row = since.touched(unit)
    if row is not None:
        return refusal(attribute, "changed_since", "It was changed since.", row)
    if unit in odd:
        return refusal(
            attribute, "changed_unrecorded", "It is not what the event left there, and no event tells who changed it."
        )
    return None


def _attributes_and_holders(changes: Sequence[Change]) -> set[str]:
    attributes = {change.attribute for change in changes}
    return attributes | {holder for attribute in attributes for holder in _holders(attribute)}


def _units(changes: Sequence[Change]) -> dict[str, str]:
    """For each attribute, what it is taken back with: an element that came or went, a list in another order, a value
    whose kind changed; else itself."""
    attributes = {change.attribute for change in changes}
    heads = attributes & {holder for attribute in attributes for holder in _holders(attribute)}
    for change in changes:
        steps = paths.parse(change.attribute)
        is_identity = len(steps) > 1 and isinstance(steps[-2], paths.Element) and steps[-1] == steps[-2].name
        if is_identity or isinstance(steps[-1], paths.Order):
            heads.add(paths.join(steps[:-1]))
    return {
        attribute: next((holder for holder in _holders(attribute) if holder in heads), attribute)
        for attribute in attributes
    }


def _holders(attribute: str) -> list[str]:
    """The paths of what it is inside of, the outermost first."""
    steps = paths.parse(attribute)
    return [paths.join(steps[:end]) for end in range(1, len(steps))]


def refusal(attribute: str | None, reason: Why, detail: str, row: EventRow | None = None) -> Refusal:
    """What is not restored, and the event that is to blame, where there is one."""
    if row is None:
        return Refusal(attribute=attribute, reason=reason, detail=detail)
    return Refusal(
        attribute=attribute,
        reason=reason,
        detail=detail,
        event_id=row.event_id,
        occurred_at=row.occurred_at,
        microservice_name=row.microservice_name,
        request_id=row.request_id,
        user_id=row.user_id,
        user_email=row.user_email,
        user_name=row.user_name,
    )
