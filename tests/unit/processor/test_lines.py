from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from byline.processor.inflate import MAX_WINDOW
from byline.processor.lines import KEPT_RAW, MAX_EVENT, Line, Problem, form_of, read_lines

BOM = b"\xef\xbb\xbf"


def read(data: bytes, key: str = "events/a.ndjson", chunk: int = 1 << 20) -> list[Line | Problem]:
    return list(read_lines((data[at : at + chunk] for at in range(0, len(data), chunk)), form_of(key)))


def texts(found: list[Line | Problem]) -> list[tuple[int, int, bytes]]:
    return [(one.number, one.offset, one.data) for one in found if isinstance(one, Line)]


@pytest.mark.parametrize("chunk", [1, 2, 7, 1000])
def test_lines_have_number_offset_and_bytes_however_they_arrive(chunk: int) -> None:
    assert texts(read(b"{}\r\n\n  \t\n[1]\nlast", chunk=chunk)) == [(1, 0, b"{}"), (4, 9, b"[1]"), (5, 13, b"last")]


PARTS = st.binary(max_size=12).filter(lambda one: b"\n" not in one) | st.text(" \t\r{}\ufeff", max_size=4).map(
    str.encode
)


@given(st.lists(PARTS), st.integers(1, 9))
def test_offset_and_bytes_point_into_the_object(parts: list[bytes], chunk: int) -> None:
    data = b"\n".join(parts)
    found = texts(read(data, chunk=chunk))
    assert all(data[offset : offset + len(text)] == text for _, offset, text in found)
    assert [number for number, _, _ in found] == [
        number for number, part in enumerate(parts, 1) if (part.removeprefix(BOM) if number == 1 else part).strip()
    ]


def test_a_json_object_is_one_document_however_it_is_printed() -> None:
    assert texts(read(b' \n{\n "a": 1\n}\n\n', "events/a.json", chunk=3)) == [(1, 2, b'{\n "a": 1\n}')]


def test_a_byte_order_mark_at_the_start_is_not_part_of_the_first_line() -> None:
    assert texts(read(BOM + b"1\n2", chunk=1)) == [(1, 3, b"1"), (2, 5, b"2")]
    assert texts(read(BOM + b"1", "events/a.json")) == [(1, 3, b"1")]


def test_an_empty_ndjson_object_holds_no_event_and_an_empty_document_is_a_broken_one() -> None:
    assert read(b"") == []
    assert read(b"\n \n") == []
    (problem,) = read(b" \n", "events/a.json")
    assert isinstance(problem, Problem)
    assert (problem.line, problem.reason) == (1, "invalid_json")


@pytest.mark.parametrize("key", ["events/a", "events/a.jsonl", "events/firehose-2024-01-01-abc"])
def test_a_name_without_an_ending_that_we_know_is_read_as_plain_lines(key: str) -> None:
    assert [text for _, _, text in texts(read(b"1\n2", key))] == [b"1", b"2"]


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)


COMPRESS = {".gz": gzip.compress, ".zst": zstd}


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("chunk", [1, 100, 1 << 20])
def test_compressed_objects_of_several_members_or_frames_are_read_whole(ending: str, members: int, chunk: int) -> None:
    data = b"".join(b"%d\n" % number for number in range(3000))
    found = read(COMPRESS[ending](data) * members, "events/a.ndjson" + ending, chunk)
    assert b"".join(text + b"\n" for _, _, text in texts(found)) == data * members


def test_zeros_behind_a_gzip_member_are_padding() -> None:
    assert len(texts(read(gzip.compress(b"1\n2") + b"\0" * 700, "events/a.ndjson.gz"))) == 2


@pytest.mark.parametrize("ending", COMPRESS)
def test_good_lines_before_a_truncated_end_are_kept_and_the_object_has_a_problem(ending: str) -> None:
    stored = COMPRESS[ending](b"".join(b"%08d\n" % number for number in range(100_000)))
    *good, problem = read(stored[: len(stored) // 2], "events/a.ndjson" + ending)
    assert isinstance(problem, Problem)
    assert (problem.line, problem.reason) == (None, "bad_compression")
    assert 0 < len(good) < 100_000
    assert problem.offset == 9 * len(good)
    assert [text for _, _, text in texts(good)] == [b"%08d" % number for number in range(len(good))]


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("missing", [1, 3])
def test_a_stream_that_lacks_only_its_last_bytes_is_broken(ending: str, missing: int) -> None:
    *good, problem = read(COMPRESS[ending](b"1\n2\n")[:-missing], "events/a.ndjson" + ending)
    assert isinstance(problem, Problem)
    assert problem.reason == "bad_compression"
    assert len(good) in {0, 2}


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("stored", [b"", b"not compressed at all", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])
def test_what_is_not_compressed_as_its_name_says_is_one_problem(ending: str, stored: bytes) -> None:
    (problem,) = read(stored, "events/a.ndjson" + ending)
    assert isinstance(problem, Problem)
    assert (problem.line, problem.reason, problem.offset) == (None, "bad_compression", 0)


def test_garbage_behind_the_compressed_stream_is_told() -> None:
    *good, problem = read(gzip.compress(b"1\n") + b"garbage", "events/a.ndjson.gz")
    assert len(good) == 1
    assert isinstance(problem, Problem)


def test_a_frame_that_wants_too_large_a_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=MAX_WINDOW.bit_length() + 1)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    (problem,) = read(compressor.compress(b"1\n") + compressor.flush(), "events/a.ndjson.zst")
    assert isinstance(problem, Problem)
    assert problem.reason == "bad_compression"


@pytest.mark.parametrize("chunk", [50_000, 1 << 24])
def test_an_event_that_is_too_large_is_skipped_and_its_neighbours_are_kept(chunk: int) -> None:
    large = b"x" * (MAX_EVENT + 1)
    first, problem, last = read(b"1\n" + large + b"\n2", chunk=chunk)
    assert isinstance(problem, Problem)
    assert (problem.line, problem.reason, problem.offset, problem.size) == (2, "too_large", 2, len(large))
    assert problem.raw == large[:KEPT_RAW]
    assert texts([first, last]) == [(1, 0, b"1"), (3, 3 + len(large), b"2")]


def test_an_event_may_be_as_large_as_the_limit() -> None:
    (found,) = read(b"x" * MAX_EVENT)
    assert isinstance(found, Line)


def test_a_document_that_is_too_large_is_one_problem() -> None:
    (problem,) = read(b"{\n" + b" " * MAX_EVENT, "events/a.json")
    assert isinstance(problem, Problem)
    assert (problem.line, problem.reason) == (1, "too_large")


def bomb(size: int) -> Iterator[bytes]:
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    for _ in range(size >> 20):
        yield compressor.compress(b"x" * (1 << 20))
    yield compressor.flush()


def test_a_decompression_bomb_does_not_grow_memory() -> None:
    stored = b"".join(bomb(512 << 20))
    assert len(stored) < 1 << 20
    tracemalloc.start()
    try:
        (problem,) = read_lines([stored], form_of("events/a.ndjson.zst"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.size) == ("too_large", 512 << 20)
    assert peak < 64 << 20


def test_memory_does_not_grow_with_the_number_of_lines() -> None:
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_lines((b'{"a": 1}\n' * 10_000 for _ in range(10)), form_of("events/a.ndjson")))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 2 << 20
