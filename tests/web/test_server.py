"""The address that a server takes."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest

from byline.errors import UsageError
from byline.web.server import bind


def test_an_answer_does_not_wait_for_more_to_send() -> None:
    """Nagle's algorithm would hold an answer's body back for 40 ms, until the reader has acknowledged its head."""

    async def connected() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with closing(bind("127.0.0.1", 0)) as listening:
            async with await asyncio.start_server(accept, sock=listening):
                _, writer = await asyncio.open_connection(*listening.getsockname())
                answer = await found
                writer.close()
                await writer.wait_closed()
                return answer

    assert asyncio.run(connected()) != 0


def test_only_where_readers_sign_in_any_address_may_be_taken() -> None:
    with pytest.raises(UsageError) as refused:
        bind("0.0.0.0", 0)
    assert "BYLINE_JWT_ISSUER" in refused.value.hint
    with closing(bind("0.0.0.0", 0, anywhere=True)) as taken:
        assert taken.getsockname()[0] == "0.0.0.0"
