"""Stored bytes → inflated bytes, as a stream: plain, gzip (also of several members), zstd (also of several frames).

No input makes these hold more than some 16 MiB beside zstd's window: a decompression bomb is read piece by piece like
anything else."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Literal

import zstandard

Compression = Literal["plain", "gzip", "zstd"]

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

MAX_WINDOW = 32 << 20
"""Bytes of history that a zstd frame may ask us to keep. RFC 8878 asks a reader for 8 MiB at least; levels up to 20
stay inside this."""

_INFLATED = 256 << 10
_GZIP_PIECE = 64 << 10
# A zstd block of 4 bytes may stand for 128 KiB, and the library inflates whatever it is given at once: 256 bytes come
# to 8 MiB at most. Feeding so little at a time costs about 1 ms for each 4 MiB inflated.
_ZSTD_PIECE = 256


class BadCompression(Exception):
    """The compressed stream is corrupt, ends too early, or asks for too large a window. What was yielded before it is
    good."""


def inflate(chunks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """Yield the inflated bytes in chunks of at most 8 MiB. Raises :class:`BadCompression`."""
    if compression == "gzip":
        return _gzip(chunks)
    if compression == "zstd":
        return _zstd(chunks)
    return iter(chunks)


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = None
    ended_one = False
    for piece in _pieces(chunks, _GZIP_PIECE):
        rest = piece
        while rest or member is not None:
            if member is None:
                # gzip's own tools skip zeros behind a member (tar pads blocks with them).
                rest = rest.lstrip(b"\0") if ended_one else rest
                if not rest:
                    break
                member = zlib.decompressobj(wbits=31)
            try:
                inflated = member.decompress(rest, _INFLATED)
            except zlib.error as error:
                raise BadCompression(f"gzip: {error}") from None
            if inflated:
                yield inflated
            if member.eof:
                rest, member, ended_one = member.unused_data, None, True
                continue
            rest = member.unconsumed_tail
            if not rest and len(inflated) < _INFLATED:
                break
    if member is not None or not ended_one:
        raise BadCompression("gzip: the stream ends too early")


def _zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    frame = None
    ended_one = False
    for piece in _pieces(chunks, _ZSTD_PIECE):
        rest = piece
        while rest:
            frame = frame or decompressor.decompressobj()
            try:
                inflated = frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise BadCompression(f"zstd: {error}") from None
            if inflated:
                yield inflated
            rest = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame, ended_one = None, True
    if frame is not None or not ended_one:
        raise BadCompression("zstd: the stream ends too early")


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]
