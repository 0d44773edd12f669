from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from byline.web.loopback import LoopbackOnly, is_loopback, names_loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8321", "localhost", "LOCALHOST:80", "[::1]", "[::1]:8321", "127.9.9.9"]
)
def test_loopback_names_are_taken(host: str) -> None:
    assert names_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8321",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "2130706433",
        "127.1",
        "localhost@evil.example",
        "localhost:80:80",
        "localhost, evil.example",
        "::1",
        "localhost/",
        "[::1",
        "\uff11\uff12\uff17.0.0.1",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    assert not names_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "byline.example", ""])
def test_only_loopback_may_be_listened_on(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("hosts", [[], [b"127.0.0.1", b"evil.example"], [b"127.0.0.1", b"127.0.0.1"]], ids=len)
def test_a_call_that_names_no_host_or_several_is_refused(hosts: list[bytes]) -> None:
    sent: list[Message] = []

    async def nobody(*_: object) -> None:
        raise AssertionError("it went through")

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"host", host) for host in hosts]}
    asyncio.run(LoopbackOnly(nobody)(scope, receive, send))
    assert sent[0]["status"] == 421
