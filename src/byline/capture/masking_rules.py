"""What is to happen to which attribute of which table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from byline.capture.secret_names import SecretNames

Names = Iterable[str] | Mapping[str, Iterable[str]]
"""Attribute names, for every table or by table; the table ``*`` is every table."""

KEEP: Final = 0
HASH: Final = 1
MASK: Final = 2
DROP: Final = 3
"""In order of strictness."""

EVERY_TABLE: Final = "*"
_REMEMBERED: Final = 4096
_REMEMBERED_PLANS: Final = 256
_LONGEST_REMEMBERED: Final = 128


class Rules:
    """The rules of every table, worked out when a table is first seen."""

    def __init__(self, drop: Names, mask: Names, hashed: Names, keep: Names, secrets: Iterable[str]) -> None:
        self._actions = ((DROP, _by_table(drop)), (MASK, _by_table(mask)), (HASH, _by_table(hashed)))
        self._keep = _by_table(keep)
        self._secrets = SecretNames(secrets)
        self._tables: dict[str, TableRules] = {}

    def of(self, table_id: str) -> TableRules:
        """The rules of one table."""
        rules = self._tables.get(table_id)
        if rules is None:
            rules = TableRules(self._explicit(table_id), _names(self._keep, table_id), self._secrets)
            if len(self._tables) < _REMEMBERED:
                self._tables[table_id] = rules
        return rules

    def _explicit(self, table_id: str) -> dict[str, int]:
        explicit: dict[str, int] = {}
        for action, by_table in self._actions:
            for name in _names(by_table, table_id):
                explicit[name] = max(action, explicit.get(name, KEEP))
        return explicit


class TableRules:
    """The rules of one table."""

    def __init__(self, explicit: Mapping[str, int], keep: frozenset[str], secrets: SecretNames) -> None:
        self._explicit = explicit
        self._keep = keep
        self._known = _Known(explicit, keep, secrets)
        self._ends = frozenset(name.rpartition(".")[2] for name in explicit if "." in name)
        self._plans: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def concerned(self, names: tuple[Any, ...]) -> tuple[Any, ...]:
        """The names of an object that something may have to be done about; remembered, since rows are alike."""
        plan = self._plans.get(names)
        if plan is None:
            plan = tuple(name for name in names if self._known[name] or fold(name) in self._ends)
            if len(self._plans) < _REMEMBERED_PLANS and len(names) <= _LONGEST_REMEMBERED:
                self._plans[names] = plan
        return plan

    def action(self, name: Any, path: str) -> int:
        """What happens to the attribute of that name at that path (folded, with dots)."""
        explicit = max(self._explicit.get(path, KEEP), self._explicit.get(fold(name), KEEP))
        return explicit if explicit or path in self._keep else self._known[name]


class _Known(dict[Any, int]):
    """Decisions by name: each name is judged once. The memory has a bound: names may be data."""

    def __init__(self, explicit: Mapping[str, int], keep: frozenset[str], secrets: SecretNames) -> None:
        super().__init__()
        self._explicit = explicit
        self._keep = keep
        self._secrets = secrets

    def __missing__(self, name: Any) -> int:
        folded = fold(name)
        action = self._explicit.get(folded, KEEP)
        if action == KEEP and folded not in self._keep and self._secrets.match(str(name)):
            action = MASK
        if len(self) < _REMEMBERED and len(folded) <= _LONGEST_REMEMBERED:
            self[name] = action
        return action


def fold(name: Any) -> str:
    """A name as it is compared."""
    return str(name).casefold()


def _by_table(names: Names) -> dict[str, frozenset[str]]:
    if isinstance(names, Mapping):
        return {table: _folded(inside) for table, inside in names.items()}
    return {EVERY_TABLE: _folded(names)}


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold, (names,) if isinstance(names, str) else names))


def _names(by_table: Mapping[str, frozenset[str]], table_id: str) -> frozenset[str]:
    return by_table.get(EVERY_TABLE, frozenset()) | by_table.get(table_id, frozenset())
