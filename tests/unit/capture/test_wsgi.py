"""The WSGI middleware, driven as a server drives it (PEP 3333)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any
from uuid import UUID
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from byline.capture.claims import GatewayVerified
from byline.capture.context import RequestContext, Vouched, bind, current
from byline.capture.wsgi import AuditWsgiMiddleware
from byline.model.event import User

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
def _nothing_leaks_out_of_a_test() -> Iterator[None]:
    yield
    assert current() is None


def environ(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"REMOTE_ADDR": "192.0.2.1", "QUERY_STRING": "", **more}
    setup_testing_defaults(made)
    return made


class Server:
    """Calls an application the way servers do, and looks for leaks between the steps."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.status = ""

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        assert type(headers) is list
        self.status, self.headers = status, headers
        return lambda data: None

    def run(self, app: Any, asked: dict[str, Any]) -> list[bytes]:
        body = app(asked, self.start_response)
        assert current() is None
        parts = []
        try:
            for part in body:
                assert current() is None
                parts.append(part)
        finally:
            if hasattr(body, "close"):
                body.close()
        assert current() is None
        return parts

    @property
    def request_ids(self) -> list[str]:
        return [value for name, value in self.headers if name.lower() == "request-id"]


def context_of(asked: dict[str, Any], **settings: Any) -> RequestContext:
    seen: list[RequestContext | None] = []

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        seen.append(current())
        start_response("200 OK", [])
        return [b"ok"]

    Server().run(AuditWsgiMiddleware(app, **settings), asked)
    assert seen[0] is not None
    return seen[0]


def test_the_protocol_is_kept() -> None:
    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"a", b"b"])

    server = Server()
    assert server.run(validator(AuditWsgiMiddleware(validator(app))), environ()) == [b"a", b"b"]


def test_a_request_id_is_taken_and_sent_back_once() -> None:
    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Request-ID", "another"), ("Content-Type", "text/plain")])
        return [current().request_id.encode()]

    server = Server()
    assert server.run(AuditWsgiMiddleware(app), environ(HTTP_X_REQUEST_ID="r-1")) == [b"r-1"]
    assert server.headers == [("Content-Type", "text/plain"), ("request-id", "r-1")]


@pytest.mark.parametrize("sent", ["", "a b", "é", "a,b", "x" * 129])
def test_without_a_valid_id_one_is_minted(sent: str) -> None:
    UUID(context_of(environ(HTTP_REQUEST_ID=sent)).request_id)


def test_the_id_is_sent_back_when_the_application_starts_again_after_an_error() -> None:
    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise KeyError
        except KeyError as error:
            start_response("500 Oops", [], (type(error), error, error.__traceback__))
        return [b"oops"]

    server = Server()
    server.run(AuditWsgiMiddleware(app), environ(HTTP_REQUEST_ID="r"))
    assert (server.status, server.request_ids) == ("500 Oops", ["r"])


def test_the_id_is_not_sent_back_where_the_setting_says_so() -> None:
    server = Server()
    app = AuditWsgiMiddleware(lambda _environ, start: (start("200 OK", []), [b"ok"])[1], response_header=None)
    server.run(app, environ())
    assert server.headers == []


def test_trace_address_and_user_agent_are_kept() -> None:
    asked = environ(
        HTTP_TRACEPARENT=f"00-{TRACE}-b7ad6b7169203331-01",
        HTTP_USER_AGENT="ua",
        HTTP_X_FORWARDED_FOR="1.1.1.1, 203.0.113.7",
    )
    context = context_of(asked)
    assert (context.trace_id, context.ip_address, context.user_agent) == (TRACE, "192.0.2.1", "ua")
    del asked["byline.context"]
    assert context_of(asked, trusted_proxies=["192.0.2.1"]).ip_address == "203.0.113.7"
    assert context_of({"wsgi.file_wrapper": None}).ip_address is None


def test_a_middleware_inside_another_keeps_the_id() -> None:
    asked = environ(HTTP_REQUEST_ID="bad id")
    first = context_of(asked, actor=lambda _: {"id": 1})
    second = context_of(asked)
    assert second.request_id == first.request_id
    assert second.user() == User(user_id="1")


# --- the body ---


def test_a_streamed_body_has_the_context_until_it_is_closed() -> None:
    seen: list[str] = []

    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            for part in (b"a", b"b"):
                seen.append(current().request_id)
                yield part
        finally:
            seen.append(f"closed {current().request_id}")

    assert Server().run(AuditWsgiMiddleware(app), environ(HTTP_REQUEST_ID="r")) == [b"a", b"b"]
    assert seen == ["r", "r", "closed r"]


def test_a_body_that_is_closed_half_way_is_closed_in_its_context() -> None:
    seen: list[str] = []

    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            yield b"a"
            yield b"b"
        finally:
            seen.append(current().request_id)

    body = AuditWsgiMiddleware(app)(environ(HTTP_REQUEST_ID="r"), Server().start_response)
    assert next(iter(body)) == b"a"
    body.close()
    assert seen == ["r"]


def test_what_a_bodys_generator_binds_holds_from_step_to_step() -> None:
    seen: list[tuple[str | None, str]] = []

    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        with bind(job="export"):
            for part in (b"a", b"b", b"c"):
                seen.append((current().job, current().request_id))
                yield part
        seen.append((current().job, current().request_id))

    Server().run(AuditWsgiMiddleware(app), environ(HTTP_REQUEST_ID="r"))
    assert seen == [("export", "r")] * 3 + [(None, "r")]


def test_two_bodies_that_take_turns_on_one_thread_do_not_meet() -> None:
    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for _ in range(3):
            yield current().request_id.encode()

    wrapped = AuditWsgiMiddleware(app)
    one, two = (iter(wrapped(environ(HTTP_REQUEST_ID=name), Server().start_response)) for name in ("r1", "r2"))
    assert [(next(one), next(two)) for _ in range(3)] == [(b"r1", b"r2")] * 3


def test_an_error_in_the_application_or_its_body_goes_on_and_leaves_nothing_behind() -> None:
    def at_once(_environ: Any, _start_response: Any) -> list[bytes]:
        raise KeyError

    def half_way(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a"
        raise KeyError

    for app in (at_once, half_way):
        with pytest.raises(KeyError):
            Server().run(AuditWsgiMiddleware(app), environ())
        assert current() is None


def test_a_body_that_nobody_closes_leaves_nothing_behind() -> None:
    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        with bind(job="x"):
            yield b"a"

    body = AuditWsgiMiddleware(app)(environ(), Server().start_response)
    next(iter(body))
    del body
    gc.collect()
    assert current() is None


def test_a_finished_body_and_a_file_are_handed_on_as_they_are(tmp_path) -> None:
    """Servers take a list's length for the content length, and send a file in their own quick way."""
    finished = [b"ok"]
    (tmp_path / "f").write_bytes(b"x")
    with (tmp_path / "f").open("rb") as file:
        for body in (finished, FileWrapper(file)):
            app = AuditWsgiMiddleware(lambda _environ, start, body=body: (start("200 OK", []), body)[1])
            assert app(environ(**{"wsgi.file_wrapper": FileWrapper}), Server().start_response) is body


# --- the actor ---


def test_the_order_is_setting_then_the_servers_user_then_token() -> None:
    asked = environ(HTTP_AUTHORIZATION="x.eyJzdWIiOiAidG9rZW4ifQ.y", REMOTE_USER="ann", mine={"id": "setting"})
    settings = {"jwt": GatewayVerified(), "actor": lambda environ: environ.get("mine")}

    def who() -> Vouched:
        asked.pop("byline.context", None)
        return context_of(asked, **settings).who()

    assert who() == Vouched(User(user_id="setting"), "framework")
    del asked["mine"]
    assert who() == Vouched(User(user_id="ann", user_name="ann"), "framework")
    asked["REMOTE_USER"] = ""
    assert who() == Vouched(User(user_id="token"), "gateway")


def test_a_header_cannot_pass_for_the_servers_user() -> None:
    assert context_of(environ(HTTP_REMOTE_USER="admin")).user() is None
