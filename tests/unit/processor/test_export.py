from __future__ import annotations

import csv
import io

import pytest
from msgspec import structs

from byline.model.query import ChangeRow, Query
from byline.processor.export import COLUMNS, csv_lines, ndjson_lines, rows
from tests.unit.processor.conftest import Road
from tests.unit.processor.written import take, update

ROW = ChangeRow(
    **dict.fromkeys(COLUMNS, "x") | {"action": "update", "previous_type": "string", "current_type": "string"}  # type: ignore[arg-type]
)


def cell(text: str | None) -> str:
    """As it stands in the file."""
    line = b"".join(csv_lines([structs.replace(ROW, user_name=text)])).decode().partition("\r\n")[2]
    return line.removeprefix('"x",' * 5 + '"update",' + '"x",' * 5).partition(',"x","x"')[0]


@pytest.mark.parametrize("begin", [*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_begins_a_formula_begins_with_an_apostrophe(begin: str) -> None:
    for rest in ("HYPERLINK(1)", "1+1", "", '"'):
        assert cell(begin + rest) == "\"'" + (begin + rest).replace('"', '""') + '"'


@pytest.mark.parametrize("text", ["-5", "-1.50", "-1e-7", "5", "2024-05-01", " =1", "a=1", "'=1", ""])
def test_a_number_and_what_is_no_formula_stay_as_they_are(text: str) -> None:
    assert cell(text) == f'"{text}"'


@pytest.mark.parametrize("text", ["-5 ", "-5+1", "--5", "-", "-5\n", "-0x1", "-٣"])
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert cell(text) == f'"\'{text}"'


def test_nothing_and_an_empty_text_differ() -> None:
    assert (cell(None), cell("")) == ("", '""')


def test_whatever_a_value_holds_a_reader_of_csv_gets_it_back() -> None:
    odd = ['a"b', "a,b", "a\r\nb", "\u2028", "\x00", "ü", "a'b"]
    text = b"".join(csv_lines(structs.replace(ROW, current_value=value) for value in odd)).decode()
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["current_value"] for row in read] == odd
    assert list(read[0]) == list(COLUMNS)


def test_no_rows_are_a_header_alone() -> None:
    assert list(csv_lines([])) == [",".join(COLUMNS).encode() + b"\r\n"]
    assert list(ndjson_lines([])) == []


def test_rows_come_page_by_page_as_they_are_wanted(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    take(road, *(update(n, {"n": n}, {"n": n + 1}) for n in range(2_500)))
    asked: list[int] = []
    changes = road.history.reader.changes
    monkeypatch.setattr(road.history.reader, "changes", lambda query: asked.append(query.limit) or changes(query))
    found = rows(road.history.reader, Query(order="oldest", limit=1))
    assert next(found).current_value == "1"
    assert len(asked) == 1
    assert [row.current_value for row in found] == [str(n) for n in range(2, 2_501)]
