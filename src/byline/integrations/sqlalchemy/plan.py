"""How the rows of one mapped class are read: made once per class, so that a flush has little to think about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import compress
from operator import eq, is_not, itemgetter
from typing import Any, Final

from sqlalchemy import Column, Connection, and_, select, types
from sqlalchemy.orm import ColumnProperty, Mapper

from byline.integrations.sqlalchemy.links import Link, links_of
from byline.integrations.sqlalchemy.options import Options
from byline.integrations.sqlalchemy.rows import UNKNOWN, Key, Row, kept, merged

Property = ColumnProperty[Any]

_NEVER_CHANGE: Final = (
    *(types.String, types.Integer, types.Numeric, types.Float, types.Boolean, types.LargeBinary, types.Uuid),
    *(types.DateTime, types.Date, types.Time, types.Interval),
)
"""Column types whose values nobody can change in place (``Enum`` is a ``String``; ``Float`` was a ``Numeric`` before
SQLAlchemy 2.1)."""


class Plan:
    """Of one mapped class: its columns with their names, its primary key, its many-to-many relationships.

    An attribute is named on the wire as its column is in the database.
    """

    __slots__ = (
        *(
            "account_id",
            "has_none_of",
            "key_keys",
            "keys",
            "links",
            "names",
            "place",
            "read",
            "read_key",
            "rewritten",
            "table_id",
            "time_stamp",
        ),
        *("writes_late", "_changeable", "_columns", "_equals", "_key_columns", "_places", "_source"),
    )

    def __init__(self, mapper: Mapper[Any], options: Options) -> None:
        properties = _recorded(mapper, options.excluded(mapper))
        columns: list[Any] = [prop.columns[0] for prop in properties]
        self.keys = tuple(prop.key for prop in properties)
        """The attributes of the class that hold its columns, in the order of a row."""
        self.names = _names(properties)
        """Their wire names, in the same order."""
        self.place = {key: number for number, key in enumerate(self.keys)}
        self.has_none_of = self.place.keys().isdisjoint
        """Whether none of these attributes holds a recorded column."""
        self._places = range(len(properties))
        self.read = _reader(self.keys)
        """From an object's ``__dict__`` to its row; ``KeyError`` where something is not loaded."""
        self.rewritten = frozenset(prop.key for prop in properties if prop.columns[0].server_onupdate is not None)
        """The keys of columns that the database itself changes in an UPDATE."""
        self._columns = columns
        self._equals = [_equality(column.type) for column in columns]
        self._changeable = [place for place in self._places if not isinstance(columns[place].type, _NEVER_CHANGE)]
        self._key_columns = mapper.primary_key
        key_keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
        self.read_key = _reader(key_keys)
        """From an object's ``__dict__`` to its primary key; ``KeyError`` where that is not loaded."""
        self.key_keys = frozenset(key_keys)
        self._source = mapper.persist_selectable
        table: Any = mapper.primary_key[0].table
        # A table's name is a class of SQLAlchemy's own, which the recorder would have to look into each time.
        self.table_id = str(options.get(mapper, "table_id") or getattr(table, "fullname", table.name))
        self.links: tuple[Link, ...] = links_of(mapper)
        self.writes_late = any(prop.post_update for prop in mapper.relationships)
        """Whether a flush may write a foreign key after everything else, though no column has changed so far."""
        self.time_stamp = self._place_of(options.get(mapper, "time_stamp"))
        self.account_id = self._place_of(options.get(mapper, "account_id"))

    def loaded(self, held: Mapping[str, Any]) -> Row:
        """What an object's ``__dict__`` has of a row, where it has not all."""
        return tuple([held.get(key, UNKNOWN) for key in self.keys])

    def fetch(self, connection: Connection, places: Iterable[int], identity: Key) -> Row:
        """Read columns of one row, given by their places; nothing where there is no such row."""
        where = and_(*(column == value for column, value in zip(self._key_columns, identity, strict=True)))
        query = select(*(self._columns[place] for place in places)).select_from(self._source).where(where)
        found = connection.execute(query).one_or_none()
        return () if found is None else tuple(found)

    def settle(self, old: Row | None, new: Row | None) -> tuple[Row | None, Row | None]:
        """The two rows of one flush made comparable: what equals for the database becomes one value, and what could be
        changed in place by the service later is copied. Where nothing has changed, both are the same row."""
        if self._changeable:
            old, new = self._copied(old, new)
        if old is None or new is None:
            return old, new
        same, changed = [], False
        for place in compress(self._places, map(is_not, old, new)):
            try:
                equal = self._equals[place](old[place], new[place])
            except Exception:  # noqa: BLE001  # a value's own comparison may raise anything: then it has changed
                equal = False
            if equal:
                same.append(place)
            else:
                changed = True
        if not changed:
            return old, old
        return old, (merged(new, same, old) if same else new)

    def is_same(self, old: Row, new: Row) -> bool:
        """Whether nothing is left of all changes in between."""
        return self.settle(old, new)[1] is old

    def entity_id(self, key: Key) -> Any:
        """The value of the primary key; of a composite one an object by column name."""
        if len(key) == 1:
            return key[0]
        return {column.name: value for column, value in zip(self._key_columns, key, strict=True)}

    def _copied(self, old: Row | None, new: Row | None) -> tuple[Row | None, Row | None]:
        """One copy where old and new are one."""
        places = self._changeable
        before = None if old is None else merged(old, places, {place: kept(old[place]) for place in places})
        if new is None:
            return before, None
        copies = {
            place: before[place] if before and old and old[place] is new[place] else kept(new[place])
            for place in places
        }
        return before, merged(new, places, copies)

    def _place_of(self, attribute: str | None) -> int | None:
        """Of a column given by attribute or column name; ``None`` where this class records none such."""
        if attribute in self.names:
            return self.names.index(attribute)
        return None if attribute is None else self.place.get(attribute)


class Plans(dict[Mapper[Any], Plan | None]):
    """The plan of each class, made when it is first asked for; ``None`` for a class that is not recorded."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options

    def __missing__(self, mapper: Mapper[Any]) -> Plan | None:
        return self.setdefault(mapper, Plan(mapper, self._options) if self._options.includes(mapper) else None)


def _equality(column_type: types.TypeEngine[Any]) -> Callable[[Any, Any], Any]:
    """How SQLAlchemy itself decides whether a value of this type has changed."""
    if type(column_type).compare_values is types.TypeEngine.compare_values:
        return eq  # what it does, without the call
    return column_type.compare_values


def _reader(keys: Collection[str]) -> Callable[[dict[str, Any]], Row]:
    """``itemgetter``, which for one key gives no tuple and for none is not to be had."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda held: tuple([held[key] for key in keys])


def _recorded(mapper: Mapper[Any], excluded: Collection[str]) -> list[Property]:
    """The mapped columns of the class's tables, in their order; SQL expressions (``column_property``) are none."""
    return [
        prop
        for prop in mapper.column_attrs
        if isinstance(prop.columns[0], Column) and not {prop.key, prop.columns[0].name} & set(excluded)
    ]


def _names(properties: list[Property]) -> tuple[str, ...]:
    """The columns' names. Of two columns of one name (in two tables), the later is ``table.name``."""
    names: list[str] = []
    for prop in properties:
        column: Any = prop.columns[-1]  # of a key that joins two tables: the base's
        names.append(f"{column.table.name}.{column.name}" if column.name in names else str(column.name))
    return tuple(names)
