"""The current request context: where it goes, and that it never stays behind."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import msgspec
import pytest

from byline.capture.context import RequestContext, Vouched, bind, carry, current, unknown_actors
from byline.errors import UsageError
from byline.model.event import User

ANN = User(user_id="1", user_name="Ann")
BOB = User(user_id="2", user_name="Bob")


@pytest.fixture(autouse=True)
def _nothing_leaks_into_or_out_of_a_test() -> Iterator[None]:
    assert current() is None
    yield
    assert current() is None


def request_id() -> str | None:
    context = current()
    return context.request_id if context else None


# --- bind ---


def test_outside_of_everything_there_is_no_context() -> None:
    assert current() is None


def test_bind_mints_a_request_id_where_there_is_none() -> None:
    with bind(job="nightly") as context:
        assert current() is context
        assert str(UUID(context.request_id)) == context.request_id
        assert context.job == "nightly"


def test_bind_inherits_what_is_not_given() -> None:
    with (
        bind("r1", ANN, "j1", trace_id="t", ip_address="192.0.2.1", user_agent="ua", verified_by="me"),
        bind(job="j2", miscellaneous={"a": 1}) as inner,
    ):
        assert inner == RequestContext(
            request_id="r1", actor=ANN, job="j2", trace_id="t", ip_address="192.0.2.1", user_agent="ua",
            verified_by="me", miscellaneous={"a": 1},
        )  # fmt: skip


def test_the_context_around_comes_back_as_it_was() -> None:
    with bind("r1") as outer:
        with bind("r2"):
            assert request_id() == "r2"
        assert current() is outer


def test_what_is_inherited_is_read_when_the_with_begins() -> None:
    prepared = bind(job="j")
    with bind("r1"), prepared as context:
        assert context.request_id == "r1"


def test_a_new_actor_does_not_inherit_who_vouched_for_the_old_one() -> None:
    with bind(actor=ANN, verified_by="https://issuer.example"), bind(actor=BOB) as inner:
        assert inner.who() == Vouched(BOB, None)


def test_an_exception_leaves_nothing_behind() -> None:
    with pytest.raises(KeyError), bind("r1"):
        raise KeyError


def test_values_are_immutable() -> None:
    given = {"a": 1}
    with bind("r1", miscellaneous=given) as context:
        given["a"] = 2
        assert context.miscellaneous == {"a": 1}
        with pytest.raises(AttributeError):
            context.request_id = "r2"


def test_one_bind_is_for_one_with() -> None:
    once = bind("r1")
    with once, pytest.raises(UsageError), once:
        pass
    with pytest.raises(UsageError), once:
        pass


def test_a_bind_whose_halves_run_in_different_contexts_neither_raises_nor_leaks() -> None:
    """As a generator dependency does whose two halves run on two threads."""
    bound = bind("r1")
    contextvars.copy_context().run(bound.__enter__)
    contextvars.copy_context().run(bound.__exit__, None, None, None)


# --- tasks, threads, generators ---


def test_tasks_see_the_context_they_were_started_in_and_no_other() -> None:
    async def one(name: str) -> list[str | None]:
        seen = []
        with bind(name):
            for _ in range(5):
                await asyncio.sleep(0)
                seen.append(request_id())
                seen.append(await asyncio.to_thread(request_id))
                seen.append(await asyncio.create_task(_read()))
        return seen

    async def _read() -> str | None:
        await asyncio.sleep(0)
        return request_id()

    async def all_of_them() -> list[list[str | None]]:
        return await asyncio.gather(*(one(f"r{n}") for n in range(50)))

    for n, seen in enumerate(asyncio.run(all_of_them())):
        assert set(seen) == {f"r{n}"}


def test_a_task_that_outlives_its_request_keeps_its_context() -> None:
    async def main() -> str | None:
        async def later() -> str | None:
            await asyncio.sleep(0.01)
            return request_id()

        with bind("r1"):
            task = asyncio.create_task(later())
        assert current() is None
        return await task

    assert asyncio.run(main()) == "r1"


def test_a_cancelled_task_leaves_nothing_behind() -> None:
    async def main() -> None:
        async def endless() -> None:
            with bind("r1"):
                await asyncio.sleep(60)

        task = asyncio.create_task(endless())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert current() is None

    asyncio.run(main())


def test_a_generator_binds_only_while_it_runs_with_carry() -> None:
    def steps() -> Iterator[str | None]:
        with bind("inside"):
            yield request_id()
            yield request_id()

    with bind("outside"):
        assert list(steps()) == ["inside", "inside"]
        assert request_id() == "outside"


def test_a_plain_thread_starts_without_the_context_and_carry_brings_it() -> None:
    with bind("r1"):
        assert in_thread(request_id) is None
        assert in_thread(carry(request_id)) == "r1"


def in_thread(fn) -> object:
    results = []
    thread = threading.Thread(target=lambda: results.append(fn()))
    thread.start()
    thread.join()
    return results[0]


def test_one_carried_function_serves_many_threads_at_once() -> None:
    barrier = threading.Barrier(4)

    def work(_n: int) -> str | None:
        barrier.wait()
        return request_id()

    with ThreadPoolExecutor(4) as pool, bind("r1"):
        assert list(pool.map(carry(work), range(4))) == ["r1"] * 4


def test_a_pool_thread_forgets_a_carried_context() -> None:
    def fails() -> None:
        assert request_id() == "r1"
        raise KeyError

    with ThreadPoolExecutor(1) as pool:
        with bind("r1"):
            failed = pool.submit(carry(fails))
        with pytest.raises(KeyError):
            failed.result()
        assert pool.submit(request_id).result() is None


def test_carry_from_outside_of_every_context_takes_none_along() -> None:
    outside = carry(request_id)
    with bind("r1"):
        assert outside() is None
        assert request_id() == "r1"


def test_carry_keeps_what_is_called_its_arguments_and_its_name() -> None:
    def add(a: int, *, b: int) -> int:
        """Adds."""
        return a + b

    carried = carry(add)
    assert carried(1, b=2) == 3
    assert (carried.__name__, carried.__doc__) == ("add", "Adds.")


def test_carry_works_for_coroutine_functions() -> None:
    async def work() -> str | None:
        await asyncio.sleep(0)
        return request_id()

    with bind("r1"):
        carried = carry(work)

    async def main() -> tuple[str | None, str | None]:
        return await carried(), request_id()

    assert asyncio.run(main()) == ("r1", None)


def test_carry_takes_the_actor_of_the_moment_along() -> None:
    """What finds the actor may need the framework's own variables, which a thread does not have."""
    signed_in: contextvars.ContextVar[User] = contextvars.ContextVar("signed_in")
    token = signed_in.set(ANN)
    with bind("r1", actor=signed_in.get):
        carried = carry(lambda: current().who())
    signed_in.reset(token)
    assert in_thread(carried).user == ANN


def test_carry_leaves_an_actor_open_that_is_not_known_yet() -> None:
    found = []
    with bind("r1", actor=lambda: found[0] if found else None):
        carried = carry(lambda: current().user())
    found.append(ANN)
    assert carried() == ANN


# --- the actor ---


def test_the_actor_is_found_when_it_is_asked_for() -> None:
    signed_in: list[User | None] = [None]
    with bind(actor=lambda: signed_in[0]) as context:
        assert context.user() is None
        signed_in[0] = ANN
        assert context.user() == ANN


@pytest.mark.parametrize("actor", [None, lambda: None])
def test_nobody_is_vouched_for_by_nobody(actor) -> None:
    with bind(actor=actor, verified_by="me") as context:
        assert context.who() == Vouched(None, None)


def test_a_late_actor_brings_who_vouches_for_it() -> None:
    with bind(actor=lambda: Vouched(ANN, "https://issuer.example")) as context:
        assert context.who() == Vouched(ANN, "https://issuer.example")
        assert context.settled().verified_by == "https://issuer.example"


def test_an_actor_that_cannot_be_found_is_unknown_and_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from byline.capture import request_context

    monkeypatch.setattr(request_context._Unknown, "count", 0)

    def fails() -> User:
        raise RuntimeError("no request context of the framework")

    with caplog.at_level(logging.WARNING, "byline.capture"), bind(actor=fails) as context:
        assert context.user() is None
        assert context.user() is None
    assert unknown_actors() == 2
    assert len(caplog.records) == 1
    assert "no request context of the framework" in caplog.text


def test_an_async_finder_is_an_unknown_actor_and_not_a_stray_coroutine() -> None:
    async def find() -> User:
        return ANN

    before = unknown_actors()
    with bind(actor=find) as context:
        assert context.user() is None
    assert unknown_actors() == before + 1


def test_a_context_can_be_compared_and_copied() -> None:
    context = RequestContext(request_id="r1", actor=ANN)
    assert msgspec.structs.replace(context) == context
