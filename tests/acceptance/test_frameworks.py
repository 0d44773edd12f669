"""Starlette and FastAPI, as services use them: every event carries its own request's id and actor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any
from uuid import UUID

import httpx
import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
from jwt.algorithms import OKPAlgorithm
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from byline.capture.asgi import AuditMiddleware
from byline.capture.context import bind, carry, current
from byline.capture.jwt import JwtVerifier
from byline.capture.memory import MemorySink
from byline.capture.recorder import Recorder
from byline.model.event import AuditEvent, User
from tests.acceptance.servers import asgi_server


class Service:
    """A recorder, and what it has recorded."""

    def __init__(self) -> None:
        self.sink = MemorySink()
        self.recorder = Recorder("shop", self.sink, on_error="raise")

    def record(self, entity_id: str = "1") -> None:
        self.recorder.record("update", "products", entity_id, old={"price": 1}, new={"price": 2})

    @property
    def events(self) -> list[AuditEvent]:
        return self.sink.events

    def told(self) -> list[tuple[str | None, str | None, str | None]]:
        """Request id, user id and who vouched, of each event."""
        infos = [event.request_info for event in self.events]
        return [(info.request_id, info.user.user_id if info.user else None, info.verified_by) for info in infos]


@pytest.fixture
def service() -> Service:
    return Service()


def signed_in(request: Request) -> None:
    """A dependency that signs the user in, as most FastAPI services do it."""
    name = request.headers.get("x-user")
    if name is None:
        raise HTTPException(401)
    request.state.user = {"id": name, "email": f"{name}@example.com", "name": name.title()}


def shop(service: Service, **settings: Any) -> FastAPI:
    app = FastAPI()
    app.add_middleware(AuditMiddleware, recorder=service.recorder, **settings)

    @app.post("/async/{n}", dependencies=[Depends(signed_in)])
    async def change_async(n: str) -> None:
        service.record(f"{n} first")
        await asyncio.sleep(0.001)
        await asyncio.to_thread(service.record, f"{n} thread")
        await asyncio.get_running_loop().run_in_executor(None, carry(service.record), f"{n} executor")
        await asyncio.create_task(asyncio.to_thread(service.record, f"{n} task"))

    @app.post("/sync/{n}", dependencies=[Depends(signed_in)])
    def change_sync(n: str) -> None:
        service.record(f"{n} sync")

    return app


def ask(app: Any, path: str, *, method: str = "POST", raising: bool = False, **headers: str) -> httpx.Response:
    """One request, without a server between; ``x_user=…`` is the header ``x-user``."""

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=raising)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(
                method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
            )

    return asyncio.run(main())


async def ask_all(address: str, paths: list[str]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=40)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as client:
        return await asyncio.gather(
            *(client.post(path, headers={"request-id": f"r{n}", "x-user": f"u{n}"}) for n, path in enumerate(paths))
        )


def test_of_200_requests_at_once_each_event_has_its_own_requests_id_and_actor(service: Service) -> None:
    paths = [f"/{'sync' if n % 4 == 0 else 'async'}/{n}" for n in range(200)]
    with asgi_server(shop(service)) as address:
        answers = asyncio.run(ask_all(address, paths))
    assert [answer.status_code for answer in answers] == [200] * 200
    assert [answer.headers.get_list("request-id") for answer in answers] == [[f"r{n}"] for n in range(200)]
    assert len(service.events) == 50 + 150 * 4
    for event in service.events:
        n = event.entity_id.partition(" ")[0]
        info = event.request_info
        assert info.request_id == f"r{n}"
        assert info.user == User(None, f"u{n}", f"u{n}@example.com", f"U{n}")
        assert (info.ip_address, info.verified_by) == ("127.0.0.1", "framework")


# --- who signs in, and where it stands ---


class ByHeader(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        name = conn.headers.get("x-user")
        return (AuthCredentials(["authenticated"]), SimpleUser(name)) if name else None


@pytest.mark.parametrize("audit_is", ["outside", "inside"])
def test_starlettes_authentication_may_stand_inside_or_outside(service: Service, audit_is: str) -> None:
    def change(_request: Request) -> PlainTextResponse:
        service.record()
        return PlainTextResponse("ok")

    app = Starlette(routes=[Mount("/api", routes=[Route("/change", change)])])
    # What is added last stands outside.
    order = [(AuthenticationMiddleware, {"backend": ByHeader()}), (AuditMiddleware, {"recorder": service.recorder})]
    for middleware, settings in order if audit_is == "outside" else reversed(order):
        app.add_middleware(middleware, **settings)
    ask(app, "/api/change", method="GET", request_id="r1", x_user="ann")
    ask(app, "/api/change", method="GET", request_id="r2")
    assert service.told() == [("r1", "ann", "framework"), ("r2", None, None)]


def test_a_middleware_with_a_task_of_its_own_may_stand_inside_and_outside(service: Service) -> None:
    """BaseHTTPMiddleware runs what is inside of it in another task."""
    app = shop(service)

    async def passing(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["request-id"] = "another"
        return response

    inside = FastAPI()
    inside.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    inside.add_middleware(AuditMiddleware, recorder=service.recorder)
    inside.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))

    @inside.post("/change", dependencies=[Depends(signed_in)])
    async def change() -> None:
        service.record()

    app.mount("/inside", inside)
    answer = ask(inside, "/change", request_id="r1", x_user="ann")
    assert answer.headers.get_list("request-id") == ["r1"]
    answer = ask(app, "/inside/change", request_id="r2", x_user="bob")
    assert answer.headers.get_list("request-id") == ["r2"]
    assert service.told() == [("r1", "ann", "framework"), ("r2", "bob", "framework")]


def test_a_token_that_the_middleware_verifies_names_the_actor_and_its_issuer(service: Service) -> None:
    key = Ed25519PrivateKey.generate()
    jwks = {"keys": [OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)]}
    verifier = JwtVerifier(issuer="https://issuer.example", audience="shop", jwks=jwks)
    app = FastAPI()
    app.add_middleware(AuditMiddleware, recorder=service.recorder, jwt=verifier)

    @app.post("/change")
    async def change() -> None:
        service.record()

    claims = {"iss": "https://issuer.example", "aud": "shop", "sub": "ann", "exp": int(time.time()) + 60}
    token = pyjwt.encode(claims, key, algorithm="EdDSA")
    forged = pyjwt.encode({**claims, "sub": "admin"}, Ed25519PrivateKey.generate(), algorithm="EdDSA")
    for name, sent in (("r1", f"Bearer {token}"), ("r2", f"Bearer {forged}"), ("r3", "")):
        assert ask(app, "/change", request_id=name, authorization=sent).status_code == 200
    assert service.told() == [("r1", "ann", "https://issuer.example"), ("r2", None, None), ("r3", None, None)]
    assert verifier.refused() == {"signature": 1}


# --- how long the context lasts ---


def test_streamed_bodies_and_background_tasks_see_the_context(service: Service) -> None:
    app = FastAPI()
    app.add_middleware(AuditMiddleware, recorder=service.recorder)

    @app.get("/stream/{kind}", dependencies=[Depends(signed_in)])
    async def stream(kind: str, background: BackgroundTasks) -> StreamingResponse:
        async def steps_async() -> AsyncIterator[bytes]:
            for n in range(3):
                await asyncio.sleep(0)
                service.record(f"stream {n}")
                yield b"x"

        def steps() -> Iterator[bytes]:
            for n in range(3):
                service.record(f"stream {n}")
                yield b"x"

        background.add_task(service.record, "background on a thread")

        async def later() -> None:
            await asyncio.sleep(0)
            service.record("background")

        background.add_task(later)
        return StreamingResponse(steps_async() if kind == "async" else steps(), background=background)

    with asgi_server(app) as address:
        for kind in ("async", "sync"):
            answer = httpx.get(f"{address}/stream/{kind}", headers={"request-id": kind, "x-user": "ann"})
            assert answer.text == "xxx"
    assert service.told() == [("async", "ann", "framework")] * 5 + [("sync", "ann", "framework")] * 5


def test_a_websocket_has_one_context_for_its_length(service: Service) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        async for _ in socket.iter_text():
            service.record()

    app = Starlette(routes=[WebSocketRoute("/", talk)])
    app.add_middleware(AuthenticationMiddleware, backend=ByHeader())
    app.add_middleware(AuditMiddleware, recorder=service.recorder)
    sent: list[Any] = []
    said = [{"type": "websocket.connect"}, *[{"type": "websocket.receive", "text": "change"}] * 2]
    said.append({"type": "websocket.disconnect", "code": 1000})

    async def receive() -> Any:
        return said.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"request-id", b"r1"), (b"x-user", b"ann")]
    scope = {"type": "websocket", "path": "/", "headers": headers, "query_string": b"", "subprotocols": []}
    asyncio.run(app(scope, receive, send))
    assert (b"request-id", b"r1") in sent[0]["headers"]
    assert service.told() == [("r1", "ann", "framework")] * 2


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_dependency_may_bind_and_never_breaks_the_request(service: Service, kind: str) -> None:
    """The halves of a plain generator run on two threads: what it binds does not reach the route; nothing breaks."""
    app = FastAPI()
    app.add_middleware(AuditMiddleware, recorder=service.recorder)

    def bound_sync() -> Iterator[None]:
        with bind(job="import"):
            yield

    async def bound_async() -> AsyncIterator[None]:
        with bind(job="import"):
            yield

    @app.post("/change", dependencies=[Depends(bound_sync if kind == "sync" else bound_async)])
    async def change() -> None:
        service.record()

    assert ask(app, "/change", request_id="r1").status_code == 200
    assert service.events[0].request_info.request_id == "r1"
    assert service.events[0].request_info.job == (None if kind == "sync" else "import")


def test_what_a_request_leaves_running_keeps_its_context_and_the_next_request_has_its_own(service: Service) -> None:
    pool = ThreadPoolExecutor(1)
    app = FastAPI()
    app.add_middleware(AuditMiddleware, recorder=service.recorder)

    @app.post("/change", dependencies=[Depends(signed_in)])
    async def change() -> None:
        pool.submit(carry(service.record), "carried")
        pool.submit(service.record, "not carried")

    for name in ("r1", "r2"):
        ask(app, "/change", request_id=name, x_user=f"user of {name}")
    pool.shutdown()
    carried = [told for told in service.told() if told[1]]
    assert carried == [("r1", "user of r1", "framework"), ("r2", "user of r2", "framework")]
    assert all(event.request_info.user is None for event in service.events if event.entity_id == "not carried")


def test_shutdown_waits_for_the_recorder(service: Service) -> None:
    flushed: list[float | None] = []
    service.sink.flush = lambda timeout=None: bool(flushed.append(timeout)) or True
    with asgi_server(shop(service)) as address:
        httpx.post(f"{address}/sync/1", headers={"x-user": "ann"})
        assert flushed == []
    assert flushed == [5.0]


# --- errors ---


def failing(service: Service, **settings: Any) -> FastAPI:
    app = FastAPI(**settings)

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("nobody handles this")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    @app.get("/number/{n}")
    async def number(n: int) -> int:
        return n

    return app


@pytest.mark.parametrize(("path", "status"), [("/teapot", 418), ("/number/x", 422), ("/nowhere", 404), ("/fails", 500)])
def test_an_error_has_the_request_id_once(service: Service, path: str, status: int) -> None:
    app = failing(service)
    app.add_middleware(AuditMiddleware, recorder=service.recorder)
    with asgi_server(app) as address:
        answer = httpx.get(address + path, headers={"request-id": "r1"})
        assert (answer.status_code, answer.headers.get_list("request-id")) == (status, ["r1"])
        UUID(httpx.get(address + path).headers["request-id"])


def test_the_answer_to_an_exception_that_nobody_handles_is_starlettes_own(service: Service) -> None:
    plain, audited = failing(service), failing(service)
    audited.add_middleware(AuditMiddleware, recorder=service.recorder)
    answers = [ask(app, "/fails", method="GET") for app in (plain, audited)]
    assert answers[0].content == answers[1].content
    del answers[1].headers["request-id"]
    assert answers[0].headers == answers[1].headers
    with pytest.raises(RuntimeError, match="nobody handles this"):
        ask(audited, "/fails", method="GET", raising=True)


@pytest.mark.parametrize("how", ["handler", "debug", "middleware"])
def test_whoever_answers_exceptions_still_does(service: Service, how: str) -> None:
    app = failing(service, debug=how == "debug")
    app.add_middleware(AuditMiddleware, recorder=service.recorder)

    def answer(request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"id": request.scope["byline.context"].request_id}, status_code=503)

    if how == "handler":
        app.add_exception_handler(Exception, answer)
    if how == "middleware":

        @app.middleware("http")
        async def catch(request: Request, call_next: Any) -> Any:
            try:
                return await call_next(request)
            except RuntimeError as error:
                return answer(request, error)

    got = ask(app, "/fails", method="GET", request_id="r1")
    if how == "debug":
        assert "nobody handles this" in got.text
    else:
        assert (got.status_code, got.json()) == (503, {"id": "r1"})


def test_around_the_whole_application_every_answer_has_the_request_id(service: Service) -> None:
    app = failing(service)
    app.add_exception_handler(Exception, lambda _request, _error: JSONResponse({}, status_code=503))
    answer = ask(AuditMiddleware(app, service.recorder), "/fails", method="GET", request_id="r1")
    assert (answer.status_code, answer.headers.get_list("request-id")) == (503, ["r1"])


# --- the address, together with uvicorn's own proxy headers ---


@pytest.mark.parametrize(
    ("uvicorns", "ours", "found"),
    [
        ({}, (), "203.0.113.7"),
        ({"proxy_headers": False}, (), "127.0.0.1"),
        ({"proxy_headers": False}, ("127.0.0.0/8",), "203.0.113.7"),
        ({"proxy_headers": False}, 1, "203.0.113.7"),
        ({}, ("127.0.0.0/8",), "203.0.113.7"),
    ],
)
def test_the_address_is_found_by_uvicorn_or_by_us(service: Service, uvicorns: Any, ours: Any, found: str) -> None:
    with asgi_server(shop(service, trusted_proxies=ours), **uvicorns) as address:
        httpx.post(f"{address}/sync/1", headers={"x-user": "ann", "x-forwarded-for": "1.1.1.1, 203.0.113.7"})
    assert service.events[0].request_info.ip_address == found


# --- the routes' own way to the context ---


def test_a_route_may_ask_for_the_context(service: Service) -> None:
    app = FastAPI()
    app.add_middleware(AuditMiddleware, recorder=service.recorder)

    @app.get("/")
    async def show(context: Annotated[Any, Depends(current)]) -> str:
        return str(context.request_id)

    assert ask(app, "/", method="GET", request_id="r1").json() == "r1"
