"""Digests of states before and after, on any history: which events do not go on from the one before."""

from __future__ import annotations

from typing import Any

from byline.history.port import Entry, History
from byline.model.query import Link, Query
from tests.contract.history_facts import entry, part


def step(number: int, before: str | None, after: str | None, **said: Any) -> Entry:
    return entry(number, before=_digest(before), after=_digest(after), **said)


def _digest(state: str | None) -> bytes | None:
    return None if state is None else state.encode().ljust(8, b"\0")


def seconds(links: list[Link]) -> list[int]:
    return [link.occurred_at.second for link in links]


def suspects(history: History, **asked: Any) -> list[int]:
    found: list[Link] = []
    query = Query(order="oldest", **{"limit": 3, **asked})
    while True:
        page = history.reader.suspects(query)
        found += page.rows
        if page.next is None:
            break
        query = Query(order="oldest", **{"limit": 3, **asked}, after=page.next)
    return seconds(found)


def test_an_event_that_does_not_go_on_from_the_one_before_is_a_suspect(history: History) -> None:
    steps = [step(1, "a", "b"), step(2, "b", "c"), step(3, "x", "d"), step(4, "d", "e")]
    history.writer.take([part("a", [*steps, step(5, "a", "b", entity="2")])])
    assert suspects(history) == [3]
    assert suspects(history, entity_id="2") == []
    rows = history.reader.events(Query(order="oldest")).rows
    assert history.reader.suspected([row.event_id for row in rows]) == {rows[2].event_id}
    assert history.reader.suspected([]) == set()


def test_what_is_not_known_suspects_nothing(history: History) -> None:
    history.writer.take(
        [
            part(
                "a",
                [
                    step(1, "a", "b", action="create"),
                    step(2, "x", "c", action="create"),
                    step(3, None, "d", one_sided=True),
                    step(4, "d", None, one_sided=True),
                    step(5, "x", None, action="delete"),
                    step(6, "y", "z", action="update"),
                ],
            )
        ]
    )
    assert suspects(history) == []


def test_events_of_one_moment_are_ordered_as_everywhere(history: History) -> None:
    moment = entry(1).event.request_info.time_stamp
    history.writer.take([part("a", [step(n, "a", "a", time=moment) for n in range(1, 4)])])
    history.writer.take([part("b", [step(9, "b", "c", time=moment.replace(second=30))])])
    assert suspects(history) == [30]


def test_either_the_account_or_everybody_explains_an_event(history: History) -> None:
    history.writer.take(
        [
            part(
                "a",
                [
                    step(1, "a", "b"),
                    step(2, "p", "q", account="other"),
                    step(3, "b", "c"),
                    step(4, "c", "d", account="support"),
                    step(5, "d", "e"),
                    step(6, "q", "r", account="other"),
                    step(7, "x", "y", account="other"),
                    step(8, "e", "f", account=None),
                    step(9, "f", "g", account=None),
                ],
            )
        ]
    )
    assert suspects(history) == [2, 7, 8]
    assert suspects(history, within="acme") == []
    assert suspects(history, within="other") == [2, 7]


def test_the_links_of_an_entity_hide_what_is_anothers(history: History) -> None:
    history.writer.take(
        [part("a", [step(1, "a", "b"), step(2, "b", "c", account="other"), step(3, None, "d", action="create")])]
    )
    own = Query(table_id="products", entity_id="1", within="acme", order="oldest")
    first, hidden, last = history.reader.links(own).rows
    assert (first.before, first.after, first.hidden) == (_digest("a"), _digest("b"), False)
    assert (first.object.line, first.account_id, first.action) == (1, "acme", "update")
    assert (hidden.before, hidden.after, hidden.hidden) == (_digest("b"), _digest("c"), True)
    assert (hidden.event_id, hidden.account_id, hidden.sha256, hidden.object.key) == ("", None, "", "")
    assert (last.before, last.after) == (None, _digest("d"))


def test_suspects_come_page_by_page_within_bounds(history: History) -> None:
    history.writer.take([part("a", [step(n, str(n), "x", entity=str(n % 5)) for n in range(1, 41)])])
    assert suspects(history, limit=4) == list(range(6, 41))
