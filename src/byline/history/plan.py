"""Which index answers a question, and which conditions are left for the rows it yields.

A question may name several things that have an index: an entity, a request, a user, an account, an attribute, a value.
Any of them would do; the shortest way in is the one with the fewest rows. So where there is more than one, each is
counted, up to a bound, and the smallest drives. That is how a small account is answered as fast as all accounts: its
own index is the shortest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import Connection, FromClause, Select, bindparam, select

from byline.history import tables
from byline.history.dictionary import Kind
from byline.history.drivers import Condition, Driver, Place, span_of
from byline.history.packing import ACTIONS, key_of, mark, pack_ip, pack_request, value_mark
from byline.model import access
from byline.model.envelope import kept_request_id
from byline.model.query import Query

_E = tables.events
_N = tables.entities
_O = tables.origins
_A = tables.actors
_C = tables.clients
_NAMES = tables.names

_MERGED = 50
"""How many numbers of one thing (a user's several spellings) are read each from its index, and merged."""


class Filter(Struct):
    """One condition of a question: how to check an event for it, and the index that would find such events, where there
    is one. The check is made only when it is needed: building an expression costs more than reading a row."""

    check: Callable[[], Condition] | None = None
    driver: Driver | None = None


class Plan(Struct):
    """How to answer: a way in, what is left to check on each event (and the tables that takes), and on each change."""

    driver: Driver
    left: Sequence[Condition]
    joined: FromClause
    change_conditions: Sequence[Condition]

    def matching(self, connection: Connection, places: Sequence[Place]) -> list[Place]:
        """Those of the places whose events meet what is left to check."""
        if not self.left:
            return list(places)
        keys = [key for _, key in places]
        wanted = select(_E.c.event_key).select_from(self.joined).where(_E.c.event_key.in_(keys), *self.left)
        good = set(connection.scalars(wanted))
        return [place for place in places if place[1] in good]


def make_plan(connection: Connection, query: Query) -> Plan | None:
    """None where the question names something that the history has never heard of: then nothing can match."""
    if not _is_text(query):
        return None
    filters: list[Filter] = []
    for find in (_by_request, _by_entity, _by_user, _by_account, _by_attribute, _plain, _without_accesses):
        found = find(connection, query)
        if found is None:
            return None
        filters += found
    driver = _shortest(connection, [one.driver for one in filters if one.driver is not None], query)
    return Plan(
        driver=driver,
        left=[one.check() for one in filters if one.check is not None and not (one.driver is driver and driver.exact)],
        joined=_joined(query),
        change_conditions=_change_conditions(connection, query),
    )


def _is_text(query: Query) -> bool:
    """Whether all that is named can be stored at all: a command line may hold bytes that are no text."""
    try:
        "".join(value for value in astuple(query) if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _shortest(connection: Connection, drivers: Sequence[Driver], query: Query) -> Driver:
    if not drivers:
        return Driver(_E)
    if len(drivers) == 1:
        return drivers[0]
    span = span_of(query, None, inclusive=False)
    return min(drivers, key=lambda driver: driver.count(connection, span))


def _by_request(_: Connection, query: Query) -> list[Filter] | None:
    if query.request_id is None:
        return []
    packed = pack_request(kept_request_id(query.request_id))
    driver = Driver(_E, "request_mark", [mark(packed)], exact=False)
    return [Filter(lambda: _E.c.request_id == packed, driver)]


_NAME_NO = select(_NAMES.c.name_no).where(_NAMES.c.kind == bindparam("kind"), _NAMES.c.name_key == bindparam("key"))
_IS_TABLE = _NAMES.c.kind == int(Kind.TABLE)
_ENTITY_IN_ANY_TABLE = select(_N.c.entity_no).where(
    _N.c.entity_key == bindparam("entity"), _N.c.table_no.in_(select(_NAMES.c.name_no).where(_IS_TABLE))
)
_ENTITY = (
    select(_N.c.entity_no)
    .select_from(_NAMES.join(_N, _N.c.table_no == _NAMES.c.name_no))
    .where(_IS_TABLE, _NAMES.c.name_key == bindparam("table"), _N.c.entity_key == bindparam("entity"))
)


def _by_entity(connection: Connection, query: Query) -> list[Filter] | None:
    if query.entity_id is None:
        return [] if query.table_id is None else _by_table(connection, query.table_id)
    parameters = {"entity": key_of(query.entity_id)[0]}
    if query.table_id is None:
        return _numbered(connection, "entity_no", _ENTITY_IN_ANY_TABLE, parameters)
    parameters["table"] = key_of(query.table_id)[0]
    return _numbered(connection, "entity_no", _ENTITY, parameters)


def _by_table(connection: Connection, table_id: str) -> list[Filter] | None:
    table_nos = _name_nos(connection, Kind.TABLE, table_id)
    return [Filter(lambda: _N.c.table_no == table_nos[0])] if table_nos else None


def _by_user(connection: Connection, query: Query) -> list[Filter] | None:
    if query.user_id is None and query.user_email is None:
        return []
    wanted = select(_A.c.actor_no)
    if query.user_id is not None:
        wanted = wanted.where(_A.c.user_id == query.user_id)
    if query.user_email is not None:
        wanted = wanted.where(_A.c.user_email == query.user_email)
    return _numbered(connection, "actor_no", wanted, {})


def _by_account(connection: Connection, query: Query) -> list[Filter] | None:
    accounts = {account for account in (query.account_id, query.within) if account is not None}
    if not accounts:
        return []
    if len(accounts) > 1:
        return None
    key = {"kind": int(Kind.ACCOUNT), "key": key_of(accounts.pop())[0]}
    return _numbered(connection, "account_no", _NAME_NO, key)


def _by_attribute(connection: Connection, query: Query) -> list[Filter] | None:
    """The moments only nominate: the changes themselves are checked for attribute and value in any case."""
    if query.attribute is None:
        return []
    attribute_nos = _name_nos(connection, Kind.ATTRIBUTE, query.attribute)
    if not attribute_nos:
        return None
    if query.current_value is None:
        return [Filter(driver=Driver(tables.attribute_moments, "attribute_no", attribute_nos))]
    marks = [value_mark(query.attribute, query.current_value)]
    return [Filter(driver=Driver(tables.value_moments, "value_mark", marks))]


def _change_conditions(connection: Connection, query: Query) -> list[Condition]:
    changes = tables.changes
    conditions: list[Condition] = []
    if query.attribute is not None:
        attribute_nos = _name_nos(connection, Kind.ATTRIBUTE, query.attribute)
        conditions.append(changes.c.attribute_no.in_(attribute_nos))
    if query.previous_value is not None:
        conditions.append(changes.c.previous_value == query.previous_value)
    if query.current_value is not None:
        conditions.append(changes.c.current_value == query.current_value)
    return conditions


def _plain(connection: Connection, query: Query) -> list[Filter] | None:
    """Conditions without an index of their own: their page reads a bounded number of rows."""
    found: list[Filter] = []
    if query.action is not None:
        action = ACTIONS.index(query.action)
        found.append(Filter(lambda: _E.c.action == action))
    if query.microservice_name is not None:
        service_nos = _name_nos(connection, Kind.SERVICE, query.microservice_name)
        if not service_nos:
            return None
        found.append(Filter(lambda: _O.c.service_no == service_nos[0]))
    if query.ip_address is not None:
        text, packed = query.ip_address, pack_ip(query.ip_address)
        found.append(Filter(lambda: _C.c.ip_address == text if packed is None else _C.c.ip_packed == packed))
    return found


def _without_accesses(connection: Connection, query: Query) -> list[Filter] | None:
    """What is recorded of readers shows only where their table is asked for."""
    table_nos = [] if query.table_id is not None else _name_nos(connection, Kind.TABLE, access.TABLE)
    if not table_nos:
        return []
    of_reader = select(_N.c.entity_no).where(_N.c.entity_no == _E.c.entity_no, _N.c.table_no == table_nos[0])
    return [Filter(lambda: ~of_reader.exists())]


def _joined(query: Query) -> FromClause:
    joined: FromClause = _E
    if query.table_id is not None and query.entity_id is None:
        joined = joined.join(_N, _N.c.entity_no == _E.c.entity_no)
    if query.microservice_name is not None:
        joined = joined.join(_O, _O.c.origin_no == _E.c.origin_no)
    if query.ip_address is not None:
        joined = joined.join(_C, _C.c.client_no == _E.c.client_no)
    return joined


def _numbered(
    connection: Connection, column: str, wanted: Select[Any], parameters: Mapping[str, Any]
) -> list[Filter] | None:
    """Events that bear one of the wanted numbers. Something that has very many of them (a user called ``1`` in each of
    ten thousand accounts) is no rare thing, and the order of time finds it soon."""
    numbers = list(islice(connection.scalars(wanted, parameters), _MERGED + 1))
    if not numbers:
        return None
    if len(numbers) > _MERGED:
        return [Filter(lambda: _E.c[column].in_(wanted.params(parameters)))]
    return [Filter(lambda: _E.c[column].in_(numbers), Driver(_E, column, numbers))]


def _name_nos(connection: Connection, kind: Kind, text: str) -> list[int]:
    """One number, or none."""
    return list(connection.scalars(_NAME_NO, {"kind": int(kind), "key": key_of(text)[0]}))
