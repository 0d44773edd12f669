"""Bodies of calls, read up to a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from starlette.requests import Request

from byline.web.refusals import TooLarge

_IN_MEMORY = 1 << 20


async def read_body(request: Request, limit: int) -> bytes:
    """All of a small body. Raises :class:`~byline.web.refusals.TooLarge`."""
    read = bytearray()
    async for chunk in _chunks(request, limit):
        read += chunk
    return bytes(read)


async def spool_body(request: Request, limit: int) -> BinaryIO:
    """A body in a temporary file, from its beginning; whoever asked closes it. Up to 1 MiB stays in memory."""
    file = cast("BinaryIO", SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the caller closes it
    try:
        async for chunk in _chunks(request, limit):
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > limit:
        raise TooLarge(limit)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(limit)
        yield chunk
