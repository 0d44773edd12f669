"""One flush: what each row was before SQLAlchemy writes it, and what it is afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from msgspec import Struct, field
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstanceState, Mapper

from byline.integrations.sqlalchemy.pending import Identity, Pending
from byline.integrations.sqlalchemy.plan import Plan, Plans
from byline.integrations.sqlalchemy.rows import UNKNOWN, Key, Row, marked, merged
from byline.integrations.sqlalchemy.stats import Counters

Action = Literal["create", "update", "delete"]
Addition = tuple[Plan, Identity, Row | None, Row]


class Step(Struct):
    """One object that SQLAlchemy is about to write."""

    action: Action
    plan: Plan
    state: InstanceState[Any]
    connection: Connection
    key: Key
    """Its primary key so far; empty for a new object."""
    held: dict[str, Any]
    """Its ``__dict__``."""
    old: Row | None = None
    unloaded: Collection[int] = ()
    """The places of what was not loaded before the flush."""


class Writes(Struct):
    """What one transaction writes. Takes each step just before it is made, and turns the steps of a flush into net
    changes when all of them are."""

    _plans: Plans
    _counters: Counters
    owner: object
    """Whatever must live as long."""
    pending: Pending = field(default_factory=Pending)
    steps: list[Step] = field(default_factory=list)
    """Of the flush under way."""

    def add(self, action: Action, mapper: Mapper[Any], state: InstanceState[Any], connection: Connection) -> None:
        """Called before the row is written: now or never is its old state to be had."""
        try:
            plan = self._plans[mapper]
            if plan is None:
                return
            step = Step(action, plan, state, connection, () if state.key is None else state.key[1], state.dict)
            if action == "delete" or (
                action == "update" and (plan.writes_late or not plan.has_none_of(state.committed_state))
            ):
                self._read_before(step)
            self.steps.append(step)
        except Exception as error:  # noqa: BLE001  # capturing must not break the service's transaction
            self._counters.failed(error)

    def settle(self, savepoints: Sequence[object]) -> None:
        """Called when all is written, and the objects still remember what they were; with the open savepoints,
        outermost first. One row that fails takes no other with it."""
        steps, self.steps = self.steps, []
        if savepoints:
            self.pending.enter(savepoints)
        added: list[Addition] = []
        linked: list[Step] = []
        for step in steps:
            try:
                self._settle(step, added)
            except Exception as error:  # noqa: BLE001  # the same
                self._counters.failed(error)
            if step.plan.links:
                linked.append(step)
        # A key that one row gave up may be another's now: everything goes before anything comes.
        for addition in added:
            self.pending.write(*addition)
        for step in linked:
            try:
                self._settle_links(step)
            except Exception as error:  # noqa: BLE001  # the same
                self._counters.failed(error)

    def _settle(self, step: Step, added: list[Addition]) -> None:
        plan, state, old, key = step.plan, step.state, step.old, step.key
        if step.action == "delete":
            self.pending.write(plan, (plan.table_id, key), plan.settle(old, None)[0], None)
            return
        if step.action == "update" and old is None:
            if plan.has_none_of(state.committed_state):
                return
            old = self._read_before(step)  # a listener of the service has changed it, just before it was written
        held = step.held
        if step.action == "create" or not plan.key_keys.isdisjoint(state.committed_state):
            key = plan.read_key(held)
        try:
            new: Row | None = plan.read(held)
        except KeyError:
            new = self._read_after(step, key)
        old, new = plan.settle(old, new)
        if key != step.key and old is not None:
            self.pending.write(plan, (plan.table_id, step.key), old, None)
            old = None
        if new is not None and new is not old:
            added.append((plan, (plan.table_id, key), old, new))

    def _read_before(self, step: Step) -> Row:
        """The whole row as it was: from the object, else from what this transaction wrote, else by one SELECT."""
        plan, whole = step.plan, True
        try:
            row = list(plan.read(step.held))
        except KeyError:
            row, whole = list(plan.loaded(step.held)), False
        for key, value in step.state.committed_state.items():
            if key in plan.place:
                row[plan.place[key]] = value
                whole = whole and value is not UNKNOWN
        step.old = tuple(row) if whole else self._made_whole(step, tuple(row))
        return step.old

    def _made_whole(self, step: Step, row: Row) -> Row:
        plan, held = step.plan, step.held
        missing = [place for place, value in enumerate(row) if value is UNKNOWN]
        step.unloaded = [place for place in missing if plan.keys[place] not in held]
        known = self.pending.known(plan, (plan.table_id, step.key))
        return self._completed(step, row, missing, step.key) if known is None else merged(row, missing, known)

    def _read_after(self, step: Step, key: Key) -> Row:
        """The whole row as it is, where not all of it is loaded: what the database has made, it tells; what was neither
        loaded nor written is as it was."""
        plan, held = step.plan, step.held
        row = list(plan.loaded(held))
        made: list[int] = []
        for place, name in enumerate(plan.keys):
            if name in held:
                continue
            if step.action == "create" and name not in step.state.expired_attributes:
                row[place] = None  # not set, and no default: SQLAlchemy wrote NULL
            elif step.old is not None and place in step.unloaded and name not in plan.rewritten:
                row[place] = step.old[place]
            else:
                made.append(place)
        return self._completed(step, tuple(row), made, key) if made else marked(row)

    def _completed(self, step: Step, row: Row, places: list[int], key: Key) -> Row:
        """The row with these places read from the database; where that fails they stay unknown."""
        self._counters.selected()
        try:
            found = step.plan.fetch(step.connection, places, key)
        except SQLAlchemyError as error:
            self._counters.failed(error)
            return marked(row)
        return merged(row, places, dict(zip(places, found, strict=True))) if found else marked(row)

    def _settle_links(self, step: Step) -> None:
        goes = step.action == "delete"
        for link in step.plan.links:
            if not goes and link.key not in step.state.committed_state:
                continue
            for row in link.removed(step.state, all_of_them=goes):
                self.pending.write(link, (link.table_id, row), row, None)
            for row in () if goes else link.added(step.state):
                self.pending.write(link, (link.table_id, row), None, row)
