"""Many-to-many relationships: each row of the association table (``secondary``) is an entity of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy
from sqlalchemy import Table
from sqlalchemy.orm import InstanceState, Mapper, RelationshipProperty, attributes
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE

from byline.integrations.sqlalchemy.rows import Key, Row


class Link:
    """One many-to-many relationship. Key and row are one: the columns that join the two sides."""

    __slots__ = ("_child", "_parent", "account_id", "key", "names", "table_id", "time_stamp")

    def __init__(self, prop: RelationshipProperty[Any], secondary: Table) -> None:
        self.key = prop.key
        self.table_id = str(secondary.fullname)
        self.time_stamp: int | None = None
        self.account_id: int | None = None
        self._parent = {str(joined.name): column for column, joined in prop.synchronize_pairs}
        self._child = {str(joined.name): column for column, joined in prop.secondary_synchronize_pairs or ()}
        joined = {**self._parent, **self._child}
        self.names = tuple(str(column.name) for column in secondary.columns if column.name in joined)

    def added(self, state: InstanceState[Any]) -> Iterator[Key]:
        """The rows that this flush wrote for the object's side."""
        return self._rows(state, _history(state, self.key).added)

    def removed(self, state: InstanceState[Any], *, all_of_them: bool) -> Iterator[Key]:
        """The rows that this flush deleted: those taken out, or, of an object that goes itself, every one it had."""
        history = _history(state, self.key)
        gone = [*history.deleted, *history.unchanged] if all_of_them else history.deleted
        return self._rows(state, gone)

    def entity_id(self, key: Key) -> Any:
        return dict(zip(self.names, key, strict=True))

    def is_same(self, old: Row, new: Row) -> bool:
        """A row is its key: it comes or goes, and never changes."""
        return old == new

    def _rows(self, state: InstanceState[Any], children: Iterable[Any]) -> Iterator[Key]:
        mine = {name: _value(state, column) for name, column in self._parent.items()}
        for child in children:
            if child is not None:
                other = sqlalchemy.inspect(child)
                theirs = {name: _value(other, column) for name, column in self._child.items()}
                yield tuple((mine | theirs)[name] for name in self.names)


def links_of(mapper: Mapper[Any]) -> tuple[Link, ...]:
    """The relationships of a class, inherited ones too, that write rows of an association table."""
    return tuple(
        Link(prop, prop.secondary)
        for prop in mapper.relationships
        if isinstance(prop.secondary, Table) and not prop.viewonly
    )


def _history(state: InstanceState[Any], key: str) -> attributes.History:
    return attributes.get_history(state.object, key, PASSIVE_NO_INITIALIZE)


def _value(state: InstanceState[Any], column: Any) -> Any:
    """The column's value; from the object's identity where it is part of that, so that nothing need be loaded."""
    if state.identity is not None and column in state.mapper.primary_key:
        return state.identity[state.mapper.primary_key.index(column)]
    return getattr(state.object, state.mapper.get_property_by_column(column).key)
