"""Whatever a service does with its session: replaying the events gives what is in the tables."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import StaticPool, select
from sqlalchemy.orm import sessionmaker

from byline.capture.memory import MemorySink
from byline.capture.recorder import Recorder
from byline.integrations.sqlalchemy import track
from byline.model.apply import apply
from byline.model.diff import diff
from tests.integrations.conftest import made_engine
from tests.integrations.models import Base, OrderLine, Product, Shelf, Tag, Warehouse, product_tags

TABLES = [*(cls.__table__ for cls in (Tag, OrderLine, Warehouse, Shelf)), product_tags]
IDS, WORDS = st.integers(1, 3), st.sampled_from("abc")


def deed(name, **arguments):
    """One call of a method of :class:`Service`."""
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


DEEDS = st.one_of(
    deed("write_tag", id=IDS, word=WORDS),
    deed("write_blindly", id=IDS, word=WORDS),
    deed("merge_tag", id=IDS, word=WORDS),
    deed("delete", cls=st.sampled_from([Tag, Warehouse, Shelf, Product]), id=IDS),
    deed("write_order_line", order=IDS, line=IDS, to=IDS),
    deed("delete_order_line", order=IDS, line=IDS),
    deed("put_shelf", warehouse=IDS, shelf=IDS, word=WORDS),
    deed("toggle_tag", product=IDS, tag=IDS),
    deed("flush"),
    deed("expire_all"),
    deed("begin_savepoint"),
    deed("begin_savepoint"),
    deed("end_savepoint", choice=IDS, release=st.booleans()),
    deed("end_savepoint", choice=IDS, release=st.booleans()),
    deed("end", how=st.sampled_from(["commit", "commit", "commit", "rollback", "close"])),
    deed("end", how=st.just("commit")),
)


class Service:
    """One session, used as badly as services use theirs."""

    def __init__(self):
        self.engine = made_engine("sqlite://", poolclass=StaticPool)
        Base.metadata.create_all(self.engine)
        sessions = sessionmaker(self.engine)
        self.sink = MemorySink()
        self.tracking = track(sessions, Recorder(service="shop", sink=self.sink))
        self.session = sessions()
        self.savepoints = []
        self.told = {}

    def write_tag(self, id, word):
        held = self.session.get(Tag, id)
        if held is None:
            self.session.add(Tag(id=id, name=word))
        else:
            held.name = word

    def write_blindly(self, id, word):
        """Set a value that is not loaded."""
        held = self.session.get(Tag, id)
        if held is not None:
            self.session.flush()
            self.session.expire(held)
            held.name = word

    def merge_tag(self, id, word):
        self.session.merge(Tag(id=id, name=word))

    def delete(self, cls, id):
        self.session.flush()  # SQLAlchemy inserts into product_tags what it is about to delete from tags
        held = self.session.get(cls, id)
        if held is not None:
            self.session.delete(held)
            self.session.flush()

    def write_order_line(self, order, line, to):
        """Create it, or give it another key where that is free."""
        held = self.session.get(OrderLine, (order, line))
        if held is None:
            self.session.add(OrderLine(order_id=order, line_number=line, quantity=to))
        elif self.session.get(OrderLine, (order, to)) is None:
            held.line_number = to
            self.session.flush()

    def delete_order_line(self, order, line):
        held = self.session.get(OrderLine, (order, line))
        if held is not None:
            self.session.delete(held)
            self.session.flush()

    def put_shelf(self, warehouse, shelf, word):
        house = self.session.get(Warehouse, warehouse) or Warehouse(id=warehouse, city=word)
        self.session.add(house)
        found = self.session.get(Shelf, shelf) or Shelf(id=shelf, label=word)
        if found not in house.shelves:
            house.shelves.append(found)

    def toggle_tag(self, product, tag):
        found = self.session.get(Tag, tag)
        if found is None:
            return
        held = self.session.get(Product, product)
        if held is None:
            held = Product(id=product, title="x")
            self.session.add(held)
        if found in held.tags:
            held.tags.remove(found)
        else:
            held.tags.append(found)

    def flush(self):
        self.session.flush()

    def expire_all(self):
        self.session.flush()
        self.session.expire_all()

    def begin_savepoint(self):
        self.savepoints.append(self.session.begin_nested())

    def end_savepoint(self, choice, release):
        if not self.savepoints:
            return
        chosen = choice % len(self.savepoints)
        savepoint = self.savepoints[chosen]
        if release:
            savepoint.commit()
        else:
            savepoint.rollback()
        del self.savepoints[chosen:]

    def end(self, how):
        getattr(self.session, how)()
        self.savepoints.clear()
        self.check()

    def check(self):
        """Replay what was told since the last time, and compare it with what is in the tables."""
        seen = set()
        for event in self.sink.events:
            key = event.table_id, event.entity_id
            assert key not in seen, "one event per entity and transaction"
            seen.add(key)
            assert event.old_data == self.told.get(key)
            # Deleted and made anew in one transaction is an update, and within one second the same row may come of it.
            assert event.new_data != event.old_data or event.action == "update"
            self.told.pop(key, None)
            if event.action != "delete":
                assert event.action == ("create" if event.old_data is None else "update")
                self.told[key] = event.new_data
                # of a new entity, attributes that are null are no changes
                assert event.action == "create" or apply(event.old_data, diff(event)) == event.new_data
        self.sink.clear()
        assert self.tracking.stats().errors == 0
        assert {table.name: self.rows_told(table.name) for table in TABLES} == {
            table.name: self.rows_there(table) for table in TABLES
        }

    def rows_told(self, name):
        return sorted(json.dumps(row, sort_keys=True) for (table, _), row in self.told.items() if table == name)

    def rows_there(self, table):
        with self.engine.connect() as connection:
            found = connection.execute(select(table)).mappings()
            return sorted(json.dumps(dict(row), sort_keys=True) for row in found)

    def stop(self):
        self.session.close()
        self.tracking.stop()
        self.engine.dispose()


@settings(max_examples=60)
@given(st.lists(DEEDS, min_size=20, max_size=60))
def test_replaying_the_events_gives_what_is_in_the_tables(deeds):
    service = Service()
    try:
        for name, arguments in deeds:
            getattr(service, name)(**arguments)
        service.end("commit")
    finally:
        service.stop()
