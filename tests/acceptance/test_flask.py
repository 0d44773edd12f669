"""Flask, as services use it: every event carries its own request's id and actor."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest

from byline.capture.context import carry, current
from byline.capture.memory import MemorySink
from byline.capture.recorder import Recorder
from byline.capture.wsgi import AuditWsgiMiddleware
from byline.model.event import AuditEvent, User
from tests.acceptance.servers import wsgi_server


class Shop:
    """A service on Flask whose signed-in user is ``flask.g.user``."""

    def __init__(self) -> None:
        self.sink = MemorySink()
        self.recorder = Recorder("shop", self.sink, on_error="raise")
        self.app = flask.Flask("shop")
        self.app.wsgi_app = AuditWsgiMiddleware(self.app.wsgi_app, actor=lambda _environ: flask.g.get("user"))
        self.app.before_request(self._sign_in)
        self.app.post("/change/<n>")(self.change)
        self.app.get("/stream/<n>")(self.stream)
        self.app.get("/fails")(self.fails)

    def _sign_in(self) -> None:
        name = flask.request.headers.get("x-user")
        if name:
            flask.g.user = {"id": name, "email": f"{name}@example.com"}

    def record(self, entity_id: str) -> None:
        self.recorder.record("update", "products", entity_id, old={"price": 1}, new={"price": 2})

    def change(self, n: str) -> str:
        self.record(f"{n} route")
        thread = threading.Thread(target=carry(self.record), args=(f"{n} thread",))
        thread.start()
        thread.join()
        return "ok"

    def stream(self, n: str) -> flask.Response:
        def steps() -> Iterator[bytes]:
            for step in range(3):
                self.record(f"{n} step {step}")
                yield b"x"

        return flask.Response(flask.stream_with_context(steps()))

    def fails(self) -> None:
        self.record("before the failure")
        raise RuntimeError

    @property
    def events(self) -> list[AuditEvent]:
        return self.sink.events


@pytest.fixture
def shop() -> Shop:
    return Shop()


def ask(address: str, path: str, n: int, method: str) -> tuple[int, list[str]]:
    headers = {"request-id": f"r{n}", "x-user": f"u{n}"}
    with urllib.request.urlopen(urllib.request.Request(address + path, headers=headers, method=method)) as answer:
        answer.read()
        return answer.status, answer.headers.get_all("request-id")


def test_of_200_requests_at_once_each_event_has_its_own_requests_id_and_actor(shop: Shop) -> None:
    with wsgi_server(shop.app) as address, ThreadPoolExecutor(20) as pool:
        asked = [("/stream/", "GET") if n % 2 else ("/change/", "POST") for n in range(200)]
        answers = list(pool.map(lambda n: ask(address, f"{asked[n][0]}{n}", n, asked[n][1]), range(200)))
    assert answers == [(200, [f"r{n}"]) for n in range(200)]
    assert len(shop.events) == 100 * 2 + 100 * 3
    for event in shop.events:
        n = event.entity_id.partition(" ")[0]
        info = event.request_info
        assert (info.request_id, info.user) == (f"r{n}", User(None, f"u{n}", f"u{n}@example.com"))
        assert (info.ip_address, info.verified_by) == ("127.0.0.1", "framework")


def test_who_is_not_signed_in_is_nobody(shop: Shop) -> None:
    shop.app.test_client().post("/change/1", headers={"request-id": "r1"})
    assert {(event.request_info.request_id, event.request_info.user) for event in shop.events} == {("r1", None)}


@pytest.mark.parametrize(("path", "status"), [("/fails", 500), ("/nowhere", 404), ("/change/1", 405)])
def test_an_error_has_the_request_id_once(shop: Shop, path: str, status: int) -> None:
    answer = shop.app.test_client().get(path, headers={"request-id": "r1"})
    assert (answer.status_code, answer.headers.getlist("request-id")) == (status, ["r1"])
    assert current() is None


def test_a_plain_stream_keeps_the_id_after_flask_has_left_the_request(shop: Shop) -> None:
    """Without ``stream_with_context`` Flask's own ``g`` is gone by then, and with it the user: that is not made up."""

    @shop.app.get("/plain")
    def plain() -> flask.Response:
        def steps() -> Iterator[bytes]:
            shop.record("step")
            yield b"x"

        return flask.Response(steps())

    assert shop.app.test_client().get("/plain", headers={"request-id": "r1", "x-user": "ann"}).data == b"x"
    assert shop.events[0].request_info.request_id == "r1"
    assert shop.events[0].request_info.user is None


def test_what_runs_at_the_end_of_a_request_sees_the_context(shop: Shop) -> None:
    seen: list[Any] = []

    @shop.app.teardown_request
    def end(_error: Any) -> None:
        seen.append(current().request_id)

    @shop.app.get("/closed")
    def closed() -> flask.Response:
        response = flask.Response("ok")
        response.call_on_close(lambda: seen.append(current().request_id))
        return response

    shop.app.test_client().get("/closed", headers={"request-id": "r1"}).close()
    assert seen == ["r1", "r1"]


def test_flasks_own_test_client_still_keeps_its_context(shop: Shop) -> None:
    with shop.app.test_client() as client:
        client.post("/change/1", headers={"request-id": "r1", "x-user": "ann"})
        assert flask.g.user["id"] == "ann"
        assert flask.request.path == "/change/1"
    assert current() is None


def test_a_file_is_still_sent_as_a_file(shop: Shop, tmp_path: Any) -> None:
    (tmp_path / "f.txt").write_text("content")
    shop.app.get("/file")(lambda: flask.send_file(tmp_path / "f.txt"))
    with wsgi_server(shop.app) as address, urllib.request.urlopen(f"{address}/file") as answer:
        assert answer.read() == b"content"
        assert len(answer.headers.get_all("request-id")) == 1
