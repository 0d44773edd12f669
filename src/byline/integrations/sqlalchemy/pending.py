"""What a transaction has done so far: one net change per entity; savepoints are levels of it. Asks no SQLAlchemy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from byline.integrations.sqlalchemy.rows import Key, Row

Identity = tuple[str, Key]
"""``table_id`` and primary key: one entity."""


class Kind(Protocol):
    """What an entity is: how its columns are named, how its states compare, which places in a row mean something."""

    names: tuple[str, ...]
    time_stamp: int | None
    account_id: int | None

    def is_same(self, old: Row, new: Row) -> bool: ...

    def entity_id(self, key: Key) -> Any: ...


class Net(Struct):
    """The state of one entity before and after; ``None``: there is none. It may come back as another kind."""

    old_kind: Kind
    old: Row | None
    kind: Kind
    new: Row | None
    rewritten: bool = False
    """Written more than once, so that the last state may be the first."""

    def rewrite(self, kind: Kind, new: Row | None) -> None:
        self.kind = kind
        self.new = new
        self.rewritten = True

    @property
    def action(self) -> str | None:
        """``create``, ``update``, ``delete``, or ``None`` where nothing is left of all that happened."""
        if self.old is None:
            return None if self.new is None else "create"
        if self.new is None:
            return "delete"
        if self.rewritten and self.kind.names == self.old_kind.names and self.kind.is_same(self.old, self.new):
            return None
        return "update"


Nets = dict[Identity, Net]
"""In the order of first touch."""


class Pending(Struct):
    """The net changes of one transaction, by level: the transaction itself, then each open savepoint.

    A level's ``old`` is the state when that level first touched the entity, so that levels merge by taking the lower
    one's old and the upper one's new. A struct, because making one calls no Python code.
    """

    nets: Nets = field(default_factory=dict)
    """Of the transaction itself: what a commit makes durable."""
    _levels: list[tuple[object, Nets]] = field(default_factory=list)
    """Each open savepoint, outermost first, and what happened in it."""

    def enter(self, savepoints: Sequence[object]) -> None:
        """Make the open savepoints, outermost first, the levels above the transaction; keep those that are there."""
        for level, savepoint in enumerate(savepoints):
            if level < len(self._levels) and self._levels[level][0] is savepoint:
                continue
            del self._levels[level:]
            self._levels.append((savepoint, {}))
        del self._levels[len(savepoints) :]

    def known(self, kind: Kind, identity: Identity) -> Row | None:
        """The entity's state as this transaction last wrote it; ``None`` where it did not, or deleted it."""
        net = self._latest(identity)
        return net.new if net is not None and net.kind.names == kind.names else None

    def write(self, kind: Kind, identity: Identity, old: Row | None, new: Row | None) -> None:
        """The entity went from ``old`` to ``new``, which differ. What the transaction wrote before takes the place of
        ``old``."""
        nets = self._levels[-1][1] if self._levels else self.nets
        net = nets.get(identity)
        if net is not None:
            net.rewrite(kind, new)
            return
        below = self._latest(identity) if self._levels else None
        if below is None:
            nets[identity] = Net(kind, old, kind, new)
        else:
            nets[identity] = Net(below.kind, below.new, kind, new, rewritten=True)

    def release(self, savepoint: object) -> None:
        """The savepoint is released: what happened in it now belongs to the level below."""
        if not self._levels or self._levels[-1][0] is not savepoint:
            return
        upper = self._levels.pop()[1]
        lower = self._levels[-1][1] if self._levels else self.nets
        for identity, net in upper.items():
            if identity in lower:
                lower[identity].rewrite(net.kind, net.new)
            else:
                lower[identity] = net

    def roll_back(self, savepoint: object) -> None:
        """The savepoint is gone with all that happened in it and above it; unless it was released before."""
        for level, (held, _) in enumerate(self._levels):
            if held is savepoint:
                del self._levels[level:]
                return

    def _latest(self, identity: Identity) -> Net | None:
        for _, nets in reversed(self._levels):
            if identity in nets:
                return nets[identity]
        return self.nets.get(identity)
