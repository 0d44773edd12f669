"""Changes outside of the recorded services: where the digests of two events of an entity do not meet, their objects
are compared.

What is bounded: of one question at most :data:`EXAMINED` suspects are examined, each among some hundred events of its
entity; for each, two lines of objects are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from msgspec import Struct, structs

from byline.bucket.port import Bucket
from byline.history.port import Reader
from byline.model.chain import SKEW, breaks, knows_after, knows_before, meets, settled, share_a_state
from byline.model.codec import decode
from byline.model.differences import differences
from byline.model.event import Data
from byline.model.gap import Gap
from byline.model.query import ChangeItem, EventRow, Link, ObjectRef, Position, Query
from byline.processor.raw import raw_events

EXAMINED = 100

_BEFORE = 100
"""Events before a suspect that are looked at, so that those close to it can be put in order."""
_FROM_THERE = 970
_BEHIND = 30
"""Events behind them: what comes next tells which order of those close together is the right one."""
_TICK = timedelta(microseconds=1)
_LAST = datetime.max.replace(tzinfo=UTC) - SKEW - _TICK

Pair = tuple[Link, Link]


class _Suspect(Struct, frozen=True):
    event_id: str
    occurred_at: datetime


_Entity = tuple[str, str]


def gaps_of(reader: Reader, bucket: Bucket, table_id: str, entity_id: str, *, within: str | None = None) -> list[Gap]:
    """The gaps of one entity, oldest first. Where there are very many suspects, the newest are examined.

    Raises :class:`~byline.errors.BucketError` where an object is not what was recorded."""
    query = Query(table_id=table_id, entity_id=entity_id, within=within, limit=EXAMINED)
    suspects = reader.suspects(query).rows
    found = _examine(reader, bucket, suspects, within)
    return [found[suspect.event_id] for suspect in reversed(suspects) if suspect.event_id in found]


def gaps_before(
    reader: Reader, bucket: Bucket, rows: Sequence[EventRow], *, within: str | None = None
) -> dict[str, Gap]:
    """For the events of one page: the gap right before each that has one, by event id."""
    names = reader.suspected([row.event_id for row in rows])
    return _examine(reader, bucket, [row for row in rows if row.event_id in names][:EXAMINED], within)


def search(reader: Reader, bucket: Bucket, query: Query) -> tuple[list[Gap], Position | None]:
    """Gaps found by the events that meet the question; attribute and values are those of the unexplained change. A page
    may be short, even empty, and still go on: ``query.limit`` is how many suspects it examines, 100 at most."""
    asked = structs.replace(
        query, attribute=None, previous_value=None, current_value=None, limit=min(query.limit, EXAMINED)
    )
    page = reader.suspects(asked)
    found = _examine(reader, bucket, page.rows, query.within)
    gaps = [_asked_for(found[suspect.event_id], query) for suspect in page.rows if suspect.event_id in found]
    return [gap for gap in gaps if gap.changes], page.next


def _asked_for(gap: Gap, query: Query) -> Gap:
    return structs.replace(gap, changes=[change for change in gap.changes if _meets(change, query)])


def _meets(change: ChangeItem, query: Query) -> bool:
    wanted = (query.attribute, query.previous_value, query.current_value)
    values = (change.attribute, change.previous_value, change.current_value)
    return all(said is None or said == value for said, value in zip(wanted, values, strict=True))


def _examine(reader: Reader, bucket: Bucket, suspects: Sequence[EventRow | Link], within: str | None) -> dict[str, Gap]:
    by_entity: dict[_Entity, list[_Suspect]] = {}
    for one in suspects:
        when = one.occurred_at if isinstance(one.occurred_at, datetime) else datetime.fromisoformat(one.occurred_at)
        by_entity.setdefault((one.table_id, one.entity_id), []).append(_Suspect(one.event_id, when))
    pairs: dict[str, Pair] = {}
    for entity, some in by_entity.items():
        query = Query(table_id=entity[0], entity_id=entity[1], within=within)
        wanted = {suspect.event_id for suspect in some}
        for links in _around(reader, query, sorted(some, key=attrgetter("occurred_at"))):
            pairs |= {name: pair for name, pair in unmet_by_suspect(links).items() if name in wanted}
    return _compared(bucket, pairs)


def _around(reader: Reader, query: Query, suspects: list[_Suspect]) -> Iterator[list[Link]]:
    """The events of the entity around its suspects, oldest first; in several runs where they lie far apart."""
    while suspects:
        first, last = suspects[0].occurred_at, suspects[-1].occurred_at
        end = min(last, _LAST) + SKEW + _TICK
        before = reader.links(structs.replace(query, to=first, limit=_BEFORE)).rows
        from_there = reader.links(structs.replace(query, from_=first, to=end, order="oldest", limit=_FROM_THERE)).rows
        whole = len(from_there) < _FROM_THERE
        behind = structs.replace(query, from_=end, order="oldest", limit=_BEHIND)
        yield [*reversed(before), *from_there, *(reader.links(behind).rows if whole else ())]
        seen = {link.event_id for link in from_there}
        suspects = [suspect for suspect in suspects[1:] if suspect.event_id not in seen]


def unmet_by_suspect(links: Sequence[Link]) -> dict[str, Pair]:
    """:func:`unmet`, by the suspect that leads to each. Once events close to each other are in order, the one that does
    not meet may be a neighbour of the suspect, which the order of the stamps did not betray."""
    suspects = _suspects(links)
    pairs = unmet(links)
    found = {after.event_id: (before, after) for before, after in pairs if after.event_id in suspects}
    for before, after in pairs:
        if after.event_id not in suspects:
            near = {name: abs(link.occurred_at - after.occurred_at) for name, link in suspects.items()}
            free = [name for name, distance in near.items() if name not in found and distance <= SKEW]
            if free:
                found[min(free, key=near.__getitem__)] = (before, after)
    return found


def _suspects(links: Sequence[Link]) -> dict[str, Link]:
    """Those that go on neither from the event before them, nor from the one of their own account: what
    :meth:`~byline.history.port.Reader.suspects` gives."""
    last: dict[tuple[str | None, bool], Link] = {}
    explained: set[int] = set()
    for link in links:
        own = last.get((link.account_id, link.hidden))
        if own is not None and meets(own, link):
            explained.add(id(link))
        last[link.account_id, link.hidden] = link
    unmet_as_given = [after for _, after in breaks(links) if not after.hidden and id(after) not in explained]
    return {link.event_id: link for link in unmet_as_given}


def unmet(links: Sequence[Link]) -> list[Pair]:
    """Neighbours between which something happened that none of the entity's events tells.

    Events of several accounts under one table and id are either of one entity that several write, or of entities that
    only share the id. An event that goes on from its own account's event before it is explained in any case; otherwise
    what another account did counts where the two go on from each other."""
    accounts = {(link.account_id, link.hidden) for link in links}
    own = {account: _own_breaks(links, account) for account in accounts} if len(accounts) > 1 else {}
    found: list[Pair] = []
    for before, after in breaks(settled(links)):
        account = (after.account_id, after.hidden)
        previous = own[account](before, after) if own else before
        if previous is not None and not previous.hidden and not after.hidden:
            found.append((previous, after))
    return found


def _own_breaks(links: Sequence[Link], account: tuple[str | None, bool]) -> Callable[[Link, Link], Link | None]:
    """What really came before an event of this account, where it does not go on from the event before it of any
    account; ``None`` where it goes on from its own account's."""
    own = [link for link in links if (link.account_id, link.hidden) == account]
    others = [link for link in links if (link.account_id, link.hidden) != account]
    before_breaks = {id(second): first for first, second in breaks(settled(own))}
    shared = share_a_state(own, others)

    def previous(before: Link, after: Link) -> Link | None:
        own_before = before_breaks.get(id(after))
        return before if own_before is not None and shared else own_before

    return previous


def _compared(bucket: Bucket, pairs: Mapping[str, Pair]) -> dict[str, Gap]:
    told = {
        name: (before, after)
        for name, (before, after) in pairs.items()
        if knows_after(before) and knows_before(after) and None not in (before.after, after.before)
    }
    objects = raw_events(bucket, [link for pair in told.values() for link in pair])
    gaps: dict[str, Gap] = {}
    for name, (before, after) in told.items():
        changes = _changes(objects, before, after)
        if changes:
            gaps[name] = _gap(before, after, changes)
    return gaps


def _changes(objects: Mapping[ObjectRef, bytes], before: Link, after: Link) -> list[ChangeItem]:
    """None where an object is not there any more: nothing can be told then."""
    if before.object not in objects or after.object not in objects:
        return []
    state: Data | None = decode(objects[before.object], key=before.object.key, line=before.object.line).new_data
    found: Data | None = decode(objects[after.object], key=after.object.key, line=after.object.line).old_data
    return differences(state or {}, found or {})


def _gap(before: Link, after: Link, changes: list[ChangeItem]) -> Gap:
    since, until = sorted((before.occurred_at, after.occurred_at))
    return Gap(
        table_id=after.table_id,
        entity_id=after.entity_id,
        after_event_id=before.event_id,
        before_event_id=after.event_id,
        since=_rfc3339(since),
        until=_rfc3339(until),
        changes=changes,
    )


def _rfc3339(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
