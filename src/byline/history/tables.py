"""The tables of the history (DESIGN §5), spoken by every statement; the migrations create them.

Repeated text is stored once and referred to by number. ``events`` and ``changes`` hold the facts. ``attribute_moments``
and ``value_moments`` are indexes that are kept as tables, since what they are ordered by (the event's time) is not a
column of a change.

Sizes matter here: every byte of a key is paid again in each index. So a moment is an integer, an id is its 16 bytes,
and an event goes by ``event_key``: in SQLite a small number given in order of arrival; in MySQL the id itself, by whose
ranges the tables are partitioned. (There ``events`` has no ``event_id`` beside it, and ``objects`` no ``first_event``
and ``last_event``: an index does their work.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType


class Utf8(UserDefinedType[str]):
    """Text as its bytes, which is how MySQL keeps it here: its collations take letters that only look alike for one
    letter, and a space at the end for nothing."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "LONGBLOB"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:  # noqa: ARG002 - SQLAlchemy's signature
        return lambda said: None if said is None else said.encode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002 - the same
        return lambda kept: None if kept is None else bytes(kept).decode()


Text = PlainText().with_variant(Utf8(), "mysql")
_KEY = Integer().with_variant(LargeBinary(16), "mysql")

EventKey = int | bytes
"""By what an event goes; see the layouts."""

metadata = MetaData()

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    comment="arrival: the newest arrival number; epoch: of the feed",
)

names = Table(
    "names",
    metadata,
    Column("name_no", Integer, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("long_name", Text),
    UniqueConstraint("kind", "name_key", name="names_key"),
    comment="tables, attributes, accounts, services, streams; a long one goes by its hash",
)

entities = Table(
    "entities",
    metadata,
    Column("entity_no", Integer, primary_key=True),
    Column("table_no", Integer, nullable=False),
    Column("entity_key", Text, nullable=False),
    Column("long_id", Text),
    UniqueConstraint("table_no", "entity_key", name="entities_key"),
)

actors = Table(
    "actors",
    metadata,
    Column("actor_no", Integer, primary_key=True),
    Column("fingerprint", LargeBinary(16), nullable=False),
    Column("account_id", Text),
    Column("user_id", Text),
    Column("user_email", Text),
    Column("user_name", Text),
    UniqueConstraint("fingerprint", name="actors_fingerprint"),
)

Index("actors_by_user", actors.c.user_id)
Index("actors_by_email", actors.c.user_email)

clients = Table(
    "clients",
    metadata,
    Column("client_no", Integer, primary_key=True),
    Column("fingerprint", LargeBinary(16), nullable=False),
    Column("ip_address", Text),
    Column("ip_packed", LargeBinary(16)),
    Column("browser_name", Text),
    Column("device_type", Text),
    Column("os", Text),
    UniqueConstraint("fingerprint", name="clients_fingerprint"),
    comment="where from: ip_packed is there for a valid address only",
)

origins = Table(
    "origins",
    metadata,
    Column("origin_no", Integer, primary_key=True),
    Column("fingerprint", LargeBinary(16), nullable=False),
    Column("service_no", Integer, nullable=False),
    Column("source", Text),
    Column("job", Text),
    Column("verified_by", Text),
    UniqueConstraint("fingerprint", name="origins_fingerprint"),
    comment="what recorded it: service, source, background job, who vouched for the user",
)

objects = Table(
    "objects",
    metadata,
    Column("object_no", Integer, primary_key=True),
    Column("object_key", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("first_event", Integer),
    Column("last_event", Integer),
    Column("arrival", BigInteger),
    UniqueConstraint("object_key", name="objects_key"),
    UniqueConstraint("arrival", name="objects_arrival"),
    comment="arrival is given once the whole object is taken; its events lie between first_event and last_event",
)

events = Table(
    "events",
    metadata,
    Column("event_key", _KEY, primary_key=True),
    Column("event_id", LargeBinary(16), nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("action", SmallInteger, nullable=False),
    Column("flags", SmallInteger, nullable=False),
    Column("origin_no", Integer, nullable=False),
    Column("entity_no", Integer, nullable=False),
    Column("account_no", Integer),
    Column("actor_no", Integer),
    Column("client_no", Integer),
    Column("request_mark", Integer),
    Column("request_id", LargeBinary(129)),
    Column("object_no", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("state_before", LargeBinary(8)),
    Column("state_after", LargeBinary(8)),
    Column("stream_no", Integer),
    Column("seq", BigInteger),
    Column("trace_id", Text),
    Column("sent_id", Text),
    UniqueConstraint("event_id", name="events_id"),
    comment="occurred_at: microseconds since 1970, UTC",
)


class _EventId(FunctionElement[bytes]):
    """An event's id, whichever column holds it. (A function without arguments is what SQLAlchemy can keep compiled.)"""

    inherit_cache = True
    type = LargeBinary(16)


@compiles(_EventId)
def _own_column(_: _EventId, compiler: Any, **options: Any) -> str:
    said: str = compiler.process(events.c.event_id, **options)
    return said


@compiles(_EventId, "mysql")
def _key_column(_: _EventId, compiler: Any, **options: Any) -> str:
    said: str = compiler.process(events.c.event_key, **options)
    return said


event_id = _EventId()

Index("events_by_time", events.c.occurred_at)
Index("events_by_entity", events.c.entity_no, events.c.occurred_at)
Index("events_by_account", events.c.account_no, events.c.occurred_at)
Index("events_by_actor", events.c.actor_no, events.c.occurred_at, sqlite_where=text("actor_no IS NOT NULL"))
Index(
    "events_by_request",
    events.c.request_mark,
    events.c.occurred_at,
    sqlite_where=text("request_mark IS NOT NULL"),
)

changes = Table(
    "changes",
    metadata,
    Column("event_key", _KEY, nullable=False),
    Column("attribute_no", Integer, nullable=False),
    Column("types", SmallInteger, nullable=False),
    Column("previous_value", Text),
    Column("current_value", Text),
    PrimaryKeyConstraint("event_key", "attribute_no", name="changes_key"),
    sqlite_with_rowid=False,
    comment="types: previous type * 16 + current type, as places in VALUE_TYPES",
)

attribute_moments = Table(
    "attribute_moments",
    metadata,
    Column("attribute_no", Integer, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("event_key", _KEY, nullable=False),
    PrimaryKeyConstraint("attribute_no", "occurred_at", "event_key", name="attribute_moments_key"),
    sqlite_with_rowid=False,
)

value_moments = Table(
    "value_moments",
    metadata,
    Column("value_mark", Integer, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("event_key", _KEY, nullable=False),
    PrimaryKeyConstraint("value_mark", "occurred_at", "event_key", name="value_moments_key"),
    sqlite_with_rowid=False,
    comment="value_mark: 32 bits of attribute and current value; it nominates, the change itself decides",
)

daily_activity = Table(
    "daily_activity",
    metadata,
    Column("account_no", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("table_no", Integer, nullable=False),
    Column("service_no", Integer, nullable=False),
    Column("action", SmallInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_no", "day", "table_no", "service_no", "action", name="daily_activity_key"),
    sqlite_with_rowid=False,
    comment="events a day, counted since 1970 in UTC; account 0: those of all accounts, and of none",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("object_key", Text, nullable=False),
    Column("line", Integer),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("line_offset", BigInteger),
    Column("size", BigInteger),
    Column("raw", LargeBinary, nullable=False),
)
Index("dead_letters_by_object", dead_letters.c.object_key, dead_letters.c.line)
Index("dead_letters_by_time", dead_letters.c.received_at)

dismissals = Table(
    "dismissals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("because", Text, nullable=False),
    Column("dismissed_by", Text, nullable=False),
    Column("dismissed_at", BigInteger, nullable=False),
)

FACTS = (
    daily_activity,
    changes,
    attribute_moments,
    value_moments,
    events,
    objects,
    entities,
    origins,
    clients,
    actors,
    names,
    dead_letters,
    dismissals,
)
"""Everything that a rebuild makes anew, in an order in which it can be emptied."""
