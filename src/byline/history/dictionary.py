"""Repeated text, stored once: from a key to its number, while writing.

The numbers that were read are remembered, since most batches say little that is new. What is remembered holds for one
epoch of the history only, and never outlives a transaction that failed: see :meth:`Words.forget`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import IntEnum
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, select

from byline.history import tables
from byline.history.layout import Layout
from byline.history.packing import key_of, pack_ip
from byline.history.port import Entry
from byline.model.device import Device
from byline.model.event import AuditEvent, User

_REMEMBERED = 200_000
_CHUNK = 1_000

Row = dict[str, Any]
Client = tuple[str | None, Device]
Origin = tuple[str, str | None, str | None, str | None]
"""Service, source, job, who vouched for the user."""

T = TypeVar("T", bound=Hashable)


class Kind(IntEnum):
    """What a name names. Stored, so numbers stay as they are."""

    TABLE = 0
    ATTRIBUTE = 1
    ACCOUNT = 2
    SERVICE = 3
    STREAM = 4


class Dictionary(Generic[T]):
    """One table of numbered things. A thing is stored under a key, which is unique within a scope (a kind of name, a
    table)."""

    def __init__(
        self,
        layout: Layout,
        table: Table,
        describe: Callable[[int, T], Row],
        *,
        key: str = "fingerprint",
        scope: str | None = None,
    ) -> None:
        number: Column[int] = next(iter(table.primary_key.columns))
        wanted: ColumnElement[bool] = table.c[key].in_(bindparam("keys", expanding=True))
        if scope is not None:
            wanted &= table.c[scope] == bindparam("scope")
        self._select = select(table.c[key], number).where(wanted)
        self._layout = layout
        self._insert = layout.insert_new(table)
        self._describe = describe
        self._key = key
        self._scope = scope
        self._known: dict[int, dict[T, int]] = {}

    def fill(self, connection: Connection, things: Iterable[T], *, scope: int = 0) -> Mapping[T, int]:
        """Make sure that these things have numbers, and give them. What is new is inserted in the order of its keys, so
        that two writers that add the same words never wait for each other crosswise. Where others write at the same
        time, it is inserted in a transaction of its own, and read back in a new one."""
        known = self._known.setdefault(scope, {})
        missing = {
            row[self._key]: (thing, row) for thing in things if thing not in known for row in [self._row(scope, thing)]
        }
        if missing:
            numbers = self._read(connection, scope, sorted(missing))
            new = [missing[key][1] for key in sorted(missing) if key not in numbers]
            if new:
                self._layout.settle(connection)
                connection.execute(self._insert, new)
                self._layout.settle(connection)
                numbers = self._read(connection, scope, sorted(missing))
            known.update((thing, numbers[key]) for key, (thing, _) in missing.items())
        return known

    def trim(self) -> None:
        """Between two batches only: numbers that :meth:`fill` gave are in use until the batch ends."""
        if sum(map(len, self._known.values())) > _REMEMBERED:
            self.forget()

    def forget(self) -> None:
        self._known = {}

    def _row(self, scope: int, thing: T) -> Row:
        row = self._describe(scope, thing)
        return row if self._scope is None else {self._scope: scope, **row}

    def _read(self, connection: Connection, scope: int, keys: Sequence[str | bytes]) -> dict[str | bytes, int]:
        numbers: dict[str | bytes, int] = {}
        for start in range(0, len(keys), _CHUNK):
            parameters: Row = {"keys": keys[start : start + _CHUNK]}
            if self._scope is not None:
                parameters["scope"] = scope
            numbers.update((key, number) for key, number in connection.execute(self._select, parameters))
        return numbers


class Numbers:
    """The numbers of everything that one batch of events says."""

    def __init__(self, words: Words, connection: Connection, entries: Sequence[Entry]) -> None:
        events = [entry.event for entry in entries]
        name = words.names.fill
        self.tables = name(connection, {event.table_id for event in events}, scope=Kind.TABLE)
        self.attributes = name(
            connection, {change.attribute for entry in entries for change in entry.changes}, scope=Kind.ATTRIBUTE
        )
        self.accounts = name(connection, _known(event.account_id for event in events), scope=Kind.ACCOUNT)
        self.services = name(connection, {event.micro_service_name for event in events}, scope=Kind.SERVICE)
        self.streams = name(connection, {event.stream.id for event in events if event.stream}, scope=Kind.STREAM)
        self.entities = self._entities(words, connection, events)
        self.actors = words.actors.fill(connection, _known(actor_of(event) for event in events))
        self.clients = words.clients.fill(connection, _known(client_of(entry) for entry in entries))
        self.origins = words.origins(self.services).fill(connection, {origin_of(event) for event in events})

    def _entities(
        self, words: Words, connection: Connection, events: Iterable[AuditEvent]
    ) -> Mapping[str, Mapping[str, int]]:
        by_table: dict[str, set[str]] = {}
        for event in events:
            by_table.setdefault(event.table_id, set()).add(event.entity_id)
        return {
            table_id: words.entities.fill(connection, entity_ids, scope=self.tables[table_id])
            for table_id, entity_ids in sorted(by_table.items())
        }


class Words:
    """Every dictionary of a history, and what is remembered of them."""

    def __init__(self, layout: Layout) -> None:
        self.names: Dictionary[str] = Dictionary(layout, tables.names, _describe_name, key="name_key", scope="kind")
        self.entities: Dictionary[str] = Dictionary(
            layout, tables.entities, _describe_entity, key="entity_key", scope="table_no"
        )
        self.actors: Dictionary[User] = Dictionary(layout, tables.actors, _describe_actor)
        self.clients: Dictionary[Client] = Dictionary(layout, tables.clients, _describe_client)
        self._services: Mapping[str, int] = {}
        self._origins: Dictionary[Origin] = Dictionary(layout, tables.origins, self._describe_origin)

    def trim(self) -> None:
        """Between two batches only."""
        for dictionary in self._all():
            dictionary.trim()

    def numbers(self, connection: Connection, entries: Sequence[Entry]) -> Numbers:
        """Make sure that everything these events say has a number, and give the numbers."""
        return Numbers(self, connection, entries)

    def origins(self, services: Mapping[str, int]) -> Dictionary[Origin]:
        """An origin refers to its service by number."""
        self._services = services
        return self._origins

    def forget(self) -> None:
        """What was remembered may not be there: the transaction failed, or a new epoch began."""
        for dictionary in self._all():
            dictionary.forget()

    def _all(self) -> Sequence[Dictionary[Any]]:
        return self.names, self.entities, self.actors, self.clients, self._origins

    def _describe_origin(self, _: int, origin: Origin) -> Row:
        service, source, job, verified_by = origin
        return {
            "fingerprint": _fingerprint(*origin),
            "service_no": self._services[service],
            "source": source,
            "job": job,
            "verified_by": verified_by,
        }


def actor_of(event: AuditEvent) -> User | None:
    """None where nothing at all is known of the user."""
    user = event.request_info.user
    return None if user == _NOBODY else user


def client_of(entry: Entry) -> Client | None:
    """None where neither an address nor a device is known."""
    ip = entry.event.request_info.ip_address
    return None if ip is None and entry.device.device_type is None else (ip, entry.device)


def origin_of(event: AuditEvent) -> Origin:
    """What recorded it."""
    info = event.request_info
    return event.micro_service_name, event.source, info.job, info.verified_by


_NOBODY = User()


def _known(things: Iterable[T | None]) -> set[T]:
    return {thing for thing in things if thing is not None}


def _describe_name(_: int, text: str) -> Row:
    key, long = key_of(text)
    return {"name_key": key, "long_name": long}


def _describe_entity(_: int, entity_id: str) -> Row:
    key, long = key_of(entity_id)
    return {"entity_key": key, "long_id": long}


def _describe_actor(_: int, user: User) -> Row:
    return {
        "fingerprint": _fingerprint(user.account_id, user.user_id, user.email, user.user_name),
        "account_id": user.account_id,
        "user_id": user.user_id,
        "user_email": user.email,
        "user_name": user.user_name,
    }


def _describe_client(_: int, client: Client) -> Row:
    ip, device = client
    return {
        "fingerprint": _fingerprint(ip, device.browser_name, device.device_type, device.os),
        "ip_address": ip,
        "ip_packed": None if ip is None else pack_ip(ip),
        "browser_name": device.browser_name,
        "device_type": device.device_type,
        "os": device.os,
    }


def _fingerprint(*parts: str | None) -> bytes:
    """16 bytes that stand for a row whose columns may be null, which a unique constraint would not compare."""
    return blake2b(msgspec.json.encode(parts), digest_size=16).digest()
