"""Who last set each attribute of an entity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct, structs

from byline.bucket.port import Bucket
from byline.history.port import Reader
from byline.model import paths
from byline.model.change import Change, ValueType
from byline.model.codec import decode
from byline.model.diff import diff_data
from byline.model.query import ChangeRow, EventRow, Position, Query
from byline.model.values import from_text, same
from byline.processor.answers import EntityState, behind
from byline.processor.raw import raw_events

_PAGE = 200
_LATER_PAGE = 10_000
"""Of what goes on beyond a page: each page costs a look at all changes of the event that it begins in."""

_LAST = datetime.max.replace(tzinfo=UTC)


class Blame(Struct, frozen=True, kw_only=True):
    """Who last set an attribute. Everything from ``event_id`` on is ``None`` where nobody was recorded to set it to
    this value: it was so before recording began, or became so unseen."""

    attribute: str
    value: str | None
    type: ValueType
    event_id: str | None = None
    occurred_at: str | None = None
    microservice_name: str | None = None
    action: str | None = None
    request_id: str | None = None
    account_id: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    user_name: str | None = None


def blame(reader: Reader, bucket: Bucket, entity: EntityState, *, within: str | None = None) -> list[Blame]:
    """For each attribute of the state, in order of names, the newest change that set it; for one that has been null
    since the entity was created, the create (DESIGN §4: it has no row of it).

    Raises :class:`~byline.errors.BucketError` where the object of that create is not what was recorded.
    """
    search = _Search(reader, diff_data({}, entity.state or {}, action="update"), within)
    query = Query(table_id=entity.table_id, entity_id=entity.entity_id, to=behind(entity.at), within=within)
    created = _created_null(reader, bucket, query, search.missing.values())
    for row in _changes(reader, query) if search.missing else ():
        search.look_at(row, created)
        if not search.missing:
            break
    found = search.found + [_blame(wanted, created.get(name)) for name, wanted in search.missing.items()]
    return sorted(found, key=lambda one: one.attribute)


class _Search:
    """Goes through an entity's changes, the newest first, and settles for each attribute who set it."""

    def __init__(self, reader: Reader, wanted: Iterable[Change], within: str | None) -> None:
        self.missing = {change.attribute: change for change in wanted}
        self.found: list[Blame] = []
        self._holders = {holder for attribute in self.missing for holder in _holders(attribute)}
        self._reader = reader
        self._within = within
        self._one_sided: dict[str, bool] = {}

    def look_at(self, row: ChangeRow, created: Mapping[str, EventRow]) -> None:
        for attribute, value in self._told(row).items():
            if attribute in self.missing and self._tells(row):
                wanted, create = self.missing.pop(attribute), created.get(attribute)
                if create is not None and row.occurred_at < create.occurred_at:
                    self.found.append(_blame(wanted, create))
                else:
                    self.found.append(_blame(wanted, row if _is(wanted, value) else None))

    def _told(self, row: ChangeRow) -> dict[str, Change | ChangeRow | None]:
        """The attributes of which a row tells, and what they were behind it: a list that was compared as one value
        tells of all that its elements hold; ``None`` for what was then not in it."""
        told: dict[str, Change | ChangeRow | None] = {row.attribute: row}
        if row.attribute in self._holders and "array" in (row.previous_type, row.current_type):
            inside = (row.attribute + ".", row.attribute + "[")
            told |= dict.fromkeys(name for name in self.missing if name.startswith(inside))
            held = {"_": from_text(row.current_value, row.current_type)} if row.current_type == "array" else {}
            told |= {row.attribute + part.attribute[1:]: part for part in diff_data({}, held, action="update")}
        return told

    def _tells(self, row: ChangeRow) -> bool:
        """An event that came without the state after it sets and removes nothing."""
        if row.current_type != "absent" or row.action == "delete":
            return True
        if row.event_id not in self._one_sided:
            event = self._reader.event(row.event_id, within=self._within)
            self._one_sided[row.event_id] = event is None or "one_sided" in event.flags
        return not self._one_sided[row.event_id]


def _holders(attribute: str) -> list[str]:
    """The paths of what it is inside of."""
    if attribute.isidentifier():
        return []
    steps = paths.parse(attribute)
    return [paths.join(steps[:end]) for end in range(1, len(steps))]


def _is(wanted: Change, told: Change | ChangeRow | None) -> bool:
    """Whether it was left as what it is now, however the value was written."""
    if told is None:
        return False
    return same(from_text(wanted.current_value, wanted.current_type), from_text(told.current_value, told.current_type))


def _created_null(reader: Reader, bucket: Bucket, query: Query, wanted: Iterable[Change]) -> dict[str, EventRow]:
    """The event that created the entity, for each wanted attribute that is null and was null in that event's data."""
    nulls = {change.attribute for change in wanted if change.current_type == "null"}
    create = _newest(reader, structs.replace(query, action="create")) if nulls else None
    if create is None or _newest(reader, structs.replace(query, action="delete", from_=__behind_event(create))):
        return {}  # never seen to come; or gone since, and come back unseen
    lines = raw_events(bucket, [create])
    if create.object not in lines:
        return {}
    event = decode(lines[create.object], key=create.object.key, line=create.object.line)
    set_to_null = {
        change.attribute
        for change in diff_data({}, event.new_data or {}, action="update")
        if change.current_type == "null"
    }
    return dict.fromkeys(nulls & set_to_null, create)


def _newest(reader: Reader, query: Query) -> EventRow | None:
    after: Position | None = None
    while True:
        page = reader.events(_next(query, after, limit=1))
        if page.rows or page.next is None:
            return page.rows[0] if page.rows else None
        after = page.next


def __behind_event(event: EventRow) -> datetime:
    return behind(datetime.fromisoformat(event.occurred_at)) or _LAST


def _changes(reader: Reader, query: Query) -> Iterator[ChangeRow]:
    after: Position | None = None
    while True:
        page = reader.changes(_next(query, after, limit=_PAGE if after is None else _LATER_PAGE))
        yield from page.rows
        after = page.next
        if after is None:
            return


def _next(query: Query, after: Position | None, *, limit: int) -> Query:
    return structs.replace(query, after=after, limit=limit)


def _blame(wanted: Change, row: ChangeRow | EventRow | None) -> Blame:
    if row is None:
        return Blame(attribute=wanted.attribute, value=wanted.current_value, type=wanted.current_type)
    return Blame(
        attribute=wanted.attribute,
        value=wanted.current_value,
        type=wanted.current_type,
        event_id=row.event_id,
        occurred_at=row.occurred_at,
        microservice_name=row.microservice_name,
        action=row.action,
        request_id=row.request_id,
        account_id=row.account_id,
        user_id=row.user_id,
        user_email=row.user_email,
        user_name=row.user_name,
    )
