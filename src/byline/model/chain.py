"""Events of one entity as a chain: each begins where the one before it ended, by their digests.

Clocks of two machines differ, and stamps may be equal. So events within :data:`SKEW` of each other are first put into
the order in which they meet; only what then does not meet is a break.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise, takewhile, zip_longest
from operator import itemgetter
from typing import Final

from byline.model.query import Link

SKEW: Final = timedelta(seconds=5)
"""By how much an event's place may be wrong."""

_ARRANGED: Final = 60
"""Events close to each other that are arranged by trying; a busier moment is taken step by step."""
_BREAKS: Final = 3
_STEPS: Final = 4_000


def meets(before: Link | None, after: Link) -> bool:
    """Whether ``after`` goes on from ``before``, as far as anybody knows. ``None``: nothing is known of what was
    before."""
    if before is None or not knows_after(before) or not knows_before(after):
        return True
    return before.after == after.before


def knows_before(link: Link) -> bool:
    """Whether the event tells the state before it. A create comes from nothing."""
    return link.before is not None or link.action == "create"


def knows_after(link: Link) -> bool:
    """Whether the event tells the state after it. A delete leaves nothing."""
    return link.after is not None or link.action == "delete"


def settled(links: Sequence[Link]) -> list[Link]:
    """These events of one entity, which are given oldest first, in the order in which they meet."""
    order: list[Link] = []
    clusters = list(_clusters(links))
    for cluster, following in zip_longest(clusters, clusters[1:]):
        order += _arranged(order[-1] if order else None, cluster, list(_near(following or [])))
    return order


def breaks(order: Sequence[Link]) -> list[tuple[Link, Link]]:
    """Neighbours that do not meet."""
    return [(before, after) for before, after in pairwise(order) if not meets(before, after)]


def share_a_state(some: Sequence[Link], others: Sequence[Link]) -> bool:
    """Whether any of these events goes on from any of those. Events of two accounts under one table and id are then of
    one entity; else of two that only share the id."""
    return bool(
        _states_after(some) & {link.before for link in others} or _states_after(others) & {link.before for link in some}
    )


def _states_after(links: Sequence[Link]) -> set[bytes]:
    return {link.after for link in links if link.after is not None}


def _clusters(links: Sequence[Link]) -> Iterator[list[Link]]:
    """Runs in which each event is close to the one before it."""
    cluster: list[Link] = []
    for link in links:
        if cluster and link.occurred_at - cluster[-1].occurred_at > SKEW:
            yield cluster
            cluster = []
        cluster.append(link)
    if cluster:
        yield cluster


def _arranged(tail: Link | None, cluster: list[Link], heads: Sequence[Link]) -> list[Link]:
    """As given, unless another order leaves fewer breaks; ``heads``: one of these comes next."""
    as_given = _count(tail, cluster, heads)
    if as_given == 0:
        return cluster
    if len(cluster) > _ARRANGED:
        stepwise = _stepwise(tail, cluster)
        return stepwise if _count(tail, stepwise, heads) < as_given else cluster
    for allowed in range(min(as_given, _BREAKS)):
        # Most likely the one comes next that is stamped first.
        for likely in (heads[:1], heads) if len(heads) > 1 else (heads,):
            found = _Search(cluster, likely).order(tail, allowed)
            if found is not None:
                return found
    return cluster


def _count(tail: Link | None, order: Sequence[Link], heads: Sequence[Link]) -> int:
    first = [tail] if tail is not None else []
    return len(breaks([*first, *order])) + (not _leads_on(order[-1], heads))


def _leads_on(last: Link | None, heads: Sequence[Link]) -> bool:
    return not heads or any(meets(last, head) for head in heads)


def _stepwise(tail: Link | None, cluster: list[Link]) -> list[Link]:
    """Always the earliest event that goes on, else the earliest."""
    left, order = list(cluster), list[Link]()
    while left:
        tail = next((link for link in _near(left) if meets(tail, link)), left[0])
        left.remove(tail)
        order.append(tail)
    return order


def _near(left: Sequence[Link]) -> Iterator[Link]:
    """Those that may come next."""
    return takewhile(lambda link: link.occurred_at - left[0].occurred_at <= SKEW, left)


class _Search:
    """Tries one event after another, earlier ones first, and goes back where it finds no way on."""

    def __init__(self, cluster: list[Link], heads: Sequence[Link]) -> None:
        self._cluster = cluster
        self._heads = heads
        self._steps = _STEPS

    def order(self, tail: Link | None, allowed: int) -> list[Link] | None:
        """All of them with at most so many breaks; ``None`` where there is no such order, or it takes too long."""
        return self._on(tail, self._cluster, allowed)

    def _on(self, tail: Link | None, left: list[Link], allowed: int) -> list[Link] | None:
        if not left:
            return [] if allowed or _leads_on(tail, self._heads) else None
        for cost, link in sorted(((not meets(tail, link), link) for link in _near(left)), key=itemgetter(0)):
            self._steps -= 1
            if cost > allowed or self._steps < 0:
                return None
            rest = self._on(link, [other for other in left if other is not link], allowed - cost)
            if rest is not None:
                return [link, *rest]
        return None
