"""What ``track`` was told about classes, and what a class says about itself in ``__byline__``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import sqlalchemy
from sqlalchemy.orm import Mapper

from byline.errors import UsageError

OWN: Final = "__byline__"
"""The attribute of a mapped class: ``False`` (never recorded), or a dict of the names in :data:`NAMES`."""
NAMES: Final = frozenset({"exclude", "table_id", "time_stamp", "account_id"})

Columns = Mapping[type, Collection[str]] | Collection[str]
"""Attribute or column names: of every class, or by class. What is said of a class holds for its subclasses."""
PerClass = Mapping[type, str] | str


class Options:
    """Answers for one mapper at a time. ``track``'s arguments win over ``__byline__``; excluded columns add up."""

    def __init__(
        self,
        classes: Iterable[type] | None,
        exclude: Columns | None,
        table_id: Mapping[type, str] | None,
        time_stamp: PerClass | None,
        account_id: PerClass | None,
    ) -> None:
        self._classes = None if classes is None else tuple(classes)
        self._exclude: Columns = {} if exclude is None else exclude
        self._told = {"table_id": table_id, "time_stamp": time_stamp, "account_id": account_id}
        self._check()

    def includes(self, mapper: Mapper[Any]) -> bool:
        """Whether entities of this class are recorded."""
        chosen = self._classes is None or issubclass(mapper.class_, self._classes)
        return chosen and getattr(mapper.class_, OWN, None) is not False

    def excluded(self, mapper: Mapper[Any]) -> frozenset[str]:
        """The names of attributes and columns that must not be recorded."""
        names = set(_own(mapper).get("exclude", ()))
        if isinstance(self._exclude, Mapping):
            for ancestor in mapper.class_.__mro__:
                names.update(self._exclude.get(ancestor, ()))
        else:
            names.update(self._exclude)
        return frozenset(names)

    def get(self, mapper: Mapper[Any], name: str) -> str | None:
        """``table_id``, or the attribute that holds the ``time_stamp`` or the ``account_id``."""
        told = self._told[name]
        if isinstance(told, Mapping):
            told = next((told[cls] for cls in mapper.class_.__mro__ if cls in told), None)
        return told or _own(mapper).get(name)

    def _check(self) -> None:
        """A misspelt column would be recorded where it must not be: say so at once."""
        if isinstance(self._exclude, str):
            raise UsageError(f"exclude takes several names, not {self._exclude!r}", hint="Write [name].")
        if isinstance(self._exclude, Mapping):
            for cls, names in self._exclude.items():
                _check_names(cls, names)
        for name in ("time_stamp", "account_id"):
            told = self._told[name]
            for cls, attribute in told.items() if isinstance(told, Mapping) else ():
                _check_names(cls, [attribute])


def _own(mapper: Mapper[Any]) -> Mapping[str, Any]:
    own: Mapping[str, Any] = getattr(mapper.class_, OWN, None) or {}
    if unknown := own.keys() - NAMES:
        raise UsageError(f"{mapper.class_.__name__}.{OWN} does not know {', '.join(sorted(unknown))}")
    if "exclude" in own:
        _check_names(mapper.class_, own["exclude"])
    return own


def _check_names(cls: type, names: Collection[str]) -> None:
    """Mixins and abstract bases are let through: their columns are only known in the classes below them."""
    mapper: Any = sqlalchemy.inspect(cls, raiseerr=False)
    if not isinstance(mapper, Mapper):
        return
    known = {name for prop in mapper.column_attrs for name in (prop.key, getattr(prop.columns[0], "name", None))}
    if unknown := set(names) - known:
        raise UsageError(f"{cls.__name__} has no column {', '.join(sorted(unknown))}")
