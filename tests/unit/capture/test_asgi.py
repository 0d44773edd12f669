"""The ASGI middleware, driven as a server drives it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from byline.capture.asgi import AuditMiddleware
from byline.capture.claims import GatewayVerified
from byline.capture.context import RequestContext, Vouched, bind, carry, current
from byline.errors import UsageError
from byline.model.event import User

ANN = User(user_id="1", user_name="Ann")
BOB = User(user_id="2", user_name="Bob")
TRACE = "0af7651916cd43dd8448eb211c80319c"

Messages = list[dict[str, Any]]
App = Callable[..., Awaitable[None]]


def scope(*headers: tuple[str, str], kind: str = "http", **more: Any) -> dict[str, Any]:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": kind, "headers": encoded, "client": ("192.0.2.1", 4711), **more}


def run(app: App, asked: dict[str, Any]) -> Messages:
    sent: Messages = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def main() -> None:
        await app(asked, receive, send)
        assert current() is None, "nothing stays behind"

    asyncio.run(main())
    return sent


def answering(
    seen: list[RequestContext | None], *headers: tuple[bytes, bytes], start: str = "http.response.start"
) -> App:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        seen.append(current())
        await send({"type": start, "status": 200, "headers": list(headers)})

    return app


def context_of(asked: dict[str, Any], **settings: Any) -> RequestContext:
    asked.pop("byline.context", None)
    seen: list[RequestContext | None] = []
    run(AuditMiddleware(answering(seen), **settings), asked)
    assert seen[0] is not None
    return seen[0]


def request_ids(messages: Messages) -> list[str]:
    return [value.decode() for name, value in messages[0]["headers"] if name.lower() == b"request-id"]


# --- the request id ---


@pytest.mark.parametrize("header", ["request-id", "x-request-id", "x-correlation-id"])
def test_a_request_id_is_taken_from_its_headers_and_sent_back(header: str) -> None:
    seen: list[RequestContext | None] = []
    messages = run(AuditMiddleware(answering(seen)), scope((header, "r-1.A_b")))
    assert seen[0].request_id == "r-1.A_b"
    assert request_ids(messages) == ["r-1.A_b"]


def test_the_first_header_in_order_wins_and_an_invalid_one_gives_way() -> None:
    both = [("x-correlation-id", "c"), ("x-request-id", "x"), ("request-id", "r")]
    assert context_of(scope(*both)).request_id == "r"
    assert context_of(scope(*both[:2], ("request-id", "not valid"))).request_id == "x"


@pytest.mark.parametrize("sent", ["", "a b", "a\n", "é", "x" * 129, "<script>", "a,b"])
def test_without_a_valid_id_one_is_minted(sent: str) -> None:
    seen: list[RequestContext | None] = []
    messages = run(AuditMiddleware(answering(seen)), scope(("request-id", sent)))
    assert request_ids(messages) == [seen[0].request_id]
    assert str(UUID(seen[0].request_id)) == seen[0].request_id


def test_an_id_that_comes_twice_is_no_id() -> None:
    UUID(context_of(scope(("request-id", "a"), ("request-id", "b"))).request_id)


def test_every_request_without_an_id_has_another() -> None:
    assert len({context_of(scope()).request_id for _ in range(20)}) == 20


def test_which_headers_count_is_a_setting() -> None:
    assert context_of(scope(("x-trace", "t"), ("request-id", "r")), request_id_headers=["X-Trace"]).request_id == "t"
    seen: list[RequestContext | None] = []
    messages = run(AuditMiddleware(answering(seen), response_header="X-Request-Id"), scope(("request-id", "r")))
    assert messages[0]["headers"] == [(b"x-request-id", b"r")]
    messages = run(AuditMiddleware(answering(seen), response_header=None), scope(("request-id", "r")))
    assert messages[0]["headers"] == []


@pytest.mark.parametrize("wrong", ["", "a b", "x_request_id", "é", "a:b"])
def test_a_header_that_cannot_be_is_refused_at_once(wrong: str) -> None:
    with pytest.raises(UsageError):
        AuditMiddleware(answering([]), request_id_headers=[wrong])


def test_the_id_is_sent_back_once_whatever_the_application_sends() -> None:
    app = answering([], (b"Request-Id", b"another"), (b"request-id", b"third"), (b"content-type", b"text/plain"))
    messages = run(AuditMiddleware(app), scope(("request-id", "r")))
    assert messages[0]["headers"] == [(b"content-type", b"text/plain"), (b"request-id", b"r")]


def test_the_applications_own_message_is_not_edited() -> None:
    """A response object may be kept and sent for many requests."""
    kept = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(kept)

    for name in ("r1", "r2"):
        assert request_ids(run(AuditMiddleware(app), scope(("request-id", name)))) == [name]
    assert kept == {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}


def test_a_response_without_headers_gets_them() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body", "body": b""})

    messages = run(AuditMiddleware(app), scope(("request-id", "r")))
    assert request_ids(messages) == ["r"]
    assert messages[1] == {"type": "http.response.body", "body": b""}


# --- what else is known ---


def test_trace_address_and_user_agent_are_kept() -> None:
    context = context_of(scope(("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"), ("user-agent", "Mozilla/5.0 é")))
    assert (context.trace_id, context.ip_address, context.user_agent) == (TRACE, "192.0.2.1", "Mozilla/5.0 é")


def test_an_endless_user_agent_is_cut_and_a_second_traceparent_makes_both_invalid() -> None:
    parent = ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")
    context = context_of(scope(("user-agent", "x" * 60_000), parent, parent))
    assert (len(context.user_agent), context.trace_id) == (1000, None)


def test_without_anything_nothing_is_made_up() -> None:
    context = context_of({"type": "http", "headers": [], "client": None})
    assert (context.trace_id, context.ip_address, context.user_agent, context.who()) == (None, None, None, (None, None))


def test_the_address_is_looked_for_past_trusted_proxies_only() -> None:
    asked = scope(("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.8"))
    assert context_of(asked).ip_address == "192.0.2.1"
    assert context_of(asked, trusted_proxies=["192.0.2.0/24"]).ip_address == "203.0.113.7"
    assert context_of(asked, trusted_proxies=1).ip_address == "203.0.113.7"
    assert context_of(asked, trusted_proxies=1, forwarded_header="forwarded").ip_address == "203.0.113.8"


def test_a_request_inherits_nothing_from_a_context_around_the_server() -> None:
    seen: list[RequestContext | None] = []
    app = AuditMiddleware(answering(seen))

    async def main() -> None:
        with bind("startup", BOB, job="serve") as around:
            await app(scope(), _nothing, _nothing)
            assert current() is around

    asyncio.run(main())
    assert seen[0].request_id != "startup"
    assert (seen[0].user(), seen[0].job) == (None, None)


async def _nothing(*_: Any) -> Any: ...


# --- where the context is, and where it is not ---


def test_an_exception_leaves_nothing_behind_and_goes_on() -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError("x")

    async def main() -> None:
        with pytest.raises(KeyError):
            await AuditMiddleware(app)(scope(), _nothing, _nothing)
        assert current() is None

    asyncio.run(main())


def test_a_cancelled_request_leaves_nothing_behind() -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(AuditMiddleware(app)(scope(), _nothing, _nothing))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert current() is None

    asyncio.run(main())


@pytest.mark.parametrize("start", ["websocket.accept", "websocket.http.response.start"])
def test_a_websocket_has_a_context_and_its_answer_the_id(start: str) -> None:
    seen: list[RequestContext | None] = []
    messages = run(AuditMiddleware(answering(seen, start=start)), scope(("request-id", "r"), kind="websocket"))
    assert seen[0].request_id == "r"
    assert request_ids(messages) == ["r"]


def test_a_kind_of_connection_that_is_not_known_passes_through() -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.extend([*arguments, current()])

    asked = {"type": "something.new"}
    asyncio.run(AuditMiddleware(app)(asked, _nothing, _nothing))
    assert seen == [asked, _nothing, _nothing, None]


def test_the_context_is_in_the_scope_for_handlers_that_stand_outside() -> None:
    asked = scope(("request-id", "r"))
    run(AuditMiddleware(answering([])), asked)
    assert asked["byline.context"].request_id == "r"


def test_a_middleware_inside_another_adds_its_actor_and_not_another_id() -> None:
    seen: list[RequestContext | None] = []
    inner = AuditMiddleware(answering(seen), actor=lambda scope: scope.get("inner_user"))
    outer = AuditMiddleware(inner, actor=lambda _: BOB, trusted_proxies=1)
    messages = run(outer, scope(("request-id", "bad id"), ("x-forwarded-for", "203.0.113.7"), inner_user=ANN))
    assert request_ids(messages) == [seen[0].request_id]
    assert (seen[0].user(), seen[0].ip_address) == (ANN, "203.0.113.7")
    run(outer, scope())
    assert seen[1].user() == BOB


# --- the actor ---


def test_the_order_is_setting_then_framework_then_token() -> None:
    token = ("authorization", "x.eyJzdWIiOiAidG9rZW4ifQ.y")
    asked = scope(token, user={"id": "middleware"}, state={"user": {"id": "dependency"}}, mine={"id": "setting"})
    settings = {"jwt": GatewayVerified(), "actor": lambda scope: scope.get("mine")}

    def who() -> Vouched:
        return context_of(asked, **settings).who()

    assert who() == Vouched(User(user_id="setting"), "framework")
    del asked["mine"]
    assert who() == Vouched(User(user_id="middleware"), "framework")
    asked["user"] = {"id": 1, "is_authenticated": False}
    assert who() == Vouched(User(user_id="dependency"), "framework")
    asked["state"].clear()
    assert who() == Vouched(User(user_id="token"), "gateway")


def test_the_actor_is_found_late_in_a_scope_that_changes() -> None:
    found: list[User | None] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.append(current().user())
        scope["user"] = {"id": 1}
        found.append(current().user())
        scope["user"] = {"id": 2}
        found.append(current().user())
        scope["user"] = None
        found.append(current().user())

    run(AuditMiddleware(app), scope())
    assert found == [None, User(user_id="1"), User(user_id="2"), None]


def test_a_step_that_fails_gives_way_to_the_next() -> None:
    def broken(_scope: Any) -> Any:
        raise RuntimeError

    assert context_of(scope(user={"id": 1}), actor=broken).user() == User(user_id="1")
    assert context_of(scope(user=object(), state={"user": {"id": 2}}), actor=broken).user() == User(user_id="2")


def test_the_setting_may_say_who_vouches() -> None:
    assert context_of(scope(), actor=lambda _: Vouched(ANN, "mesh")).who() == Vouched(ANN, "mesh")


def test_a_user_object_is_read_once_since_later_an_orm_may_have_expired_it() -> None:
    class Row:
        id = 7
        email: str | None = "a@b.c"

    row = Row()
    found: list[User | None] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        found.append(current().user())
        row.email = None
        found.append(current().user())

    run(AuditMiddleware(app), scope(user=row))
    assert found == [User(user_id="7", email="a@b.c")] * 2


def test_a_thread_that_is_carried_to_knows_the_actor() -> None:
    found: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        scope["user"] = {"id": 1}
        thread = threading.Thread(target=carry(lambda: found.append((current().request_id, current().user()))))
        scope["user"] = None
        thread.start()
        thread.join()

    run(AuditMiddleware(app), scope(("request-id", "r")))
    assert found == [("r", User(user_id="1"))]


class Keys:
    """Reads a token once keys have come; until then a request waits."""

    header = "authorization"

    def __init__(self) -> None:
        self.there = False
        self.asked: list[str | None] = []
        self.reads = 0

    def prepare(self, value: str | None) -> Awaitable[None] | None:
        self.asked.append(value)
        return None if self.there else self._fetch()

    async def _fetch(self) -> None:
        await asyncio.sleep(0)
        self.there = True

    def read(self, value: str) -> Vouched | None:
        self.reads += 1
        return Vouched(User(user_id=value), "issuer") if self.there else None


def test_a_request_waits_for_the_keys_of_its_token_before_the_application_sees_it() -> None:
    keys = Keys()
    context = context_of(scope(("authorization", "t")), jwt=keys)
    assert keys.asked == ["t"]
    assert context.who() == Vouched(User(user_id="t"), "issuer")


def test_a_token_is_read_once_a_request_and_again_only_while_it_cannot_be_told() -> None:
    keys = Keys()
    keys.prepare = lambda _value: None
    context = context_of(scope(("authorization", "t")), jwt=keys)
    assert context.user() is None
    assert context.user() is None
    keys.there = True
    assert context.user() == User(user_id="t")
    keys.there = False
    assert context.user() == User(user_id="t")
    assert keys.reads == 3


# --- start and end of the service ---


class Recorder:
    def __init__(self, outcome: bool | Exception = True) -> None:
        self.threads: list[threading.Thread] = []
        self.outcome = outcome

    def flush(self, timeout: float | None = None) -> bool:
        assert timeout == 5.0
        self.threads.append(threading.current_thread())
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def _live_and_die(_scope: Any, _receive: Any, send: Any) -> None:
    for message in ("lifespan.startup.complete", "lifespan.shutdown.complete"):
        await send({"type": message})


@pytest.mark.parametrize("outcome", [True, False, RuntimeError("the disk is gone")])
def test_shutdown_flushes_the_recorder_off_the_event_loop_and_ends_whatever_happens(outcome: bool | Exception) -> None:
    recorder = Recorder(outcome)
    messages = run(AuditMiddleware(_live_and_die, recorder), {"type": "lifespan"})
    assert [message["type"] for message in messages] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert len(recorder.threads) == 1
    assert recorder.threads[0] is not threading.main_thread()


def test_startup_has_the_keys_fetched_and_does_not_wait_for_them() -> None:
    keys = Keys()
    keys.there = True
    run(AuditMiddleware(_live_and_die, jwt=keys), {"type": "lifespan"})
    assert keys.asked == [None]


def test_a_lifespan_has_no_context() -> None:
    seen: list[RequestContext | None] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(current())

    run(AuditMiddleware(app), {"type": "lifespan"})
    assert seen == [None]
