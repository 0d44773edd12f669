"""``/v1/export``: all rows and not only a page of them, streamed, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import httpx
import pytest

from byline.model.query import ChangeRow
from byline.web import create_app
from byline.web.params import FILTERS
from byline.web.routes_export import EXPORT
from tests.web.served import Byline, an_event, served

ROWS = 3_000


@pytest.fixture(scope="module")
def byline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Byline]:
    made = Byline(tmp_path_factory.mktemp("byline"))
    made.take(
        *(
            an_event(event_id=None, table_id="many", entity_id=number, old_data={"n": 1}, new_data={"n": number + 2})
            for number in range(ROWS)
        )
    )
    made.take(an_event(table_id="odd", old_data={"t": None, "q": 'a "b", c\nd'}, new_data={"t": "=1+1", "q": "é😀"}))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(byline: Byline) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket)) as made:
        yield made


def test_every_row_is_there_once_in_both_kinds(client: httpx.Client) -> None:
    as_lines = client.get("/v1/export", params={"format": "ndjson", "table_id": "many"})
    assert as_lines.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in as_lines.text.splitlines()]
    assert sorted(int(row["entity_id"]) for row in rows) == list(range(ROWS))
    as_cells = client.get("/v1/export", params={"table_id": "many"})
    assert as_cells.headers["content-type"] == "text/csv; charset=utf-8"
    assert as_cells.headers["content-disposition"] == 'attachment; filename="byline-changes.csv"'
    table = list(csv.DictReader(io.StringIO(as_cells.text, newline="")))
    assert table == [{name: value or "" for name, value in row.items()} for row in rows]


def test_it_is_streamed_in_pieces(client: httpx.Client) -> None:
    with client.stream("GET", "/v1/export") as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in answer.headers


def test_rows_are_those_of_changes_in_either_order(client: httpx.Client) -> None:
    for order in ("newest", "oldest"):
        params = {"order": order, "table_id": "odd"}
        exported = client.get("/v1/export", params={**params, "format": "ndjson"}).text.splitlines()
        assert [json.loads(line) for line in exported] == client.get("/v1/changes", params=params).json()["data"]


def test_a_cell_that_begins_a_formula_is_made_text(client: httpx.Client) -> None:
    text = client.get("/v1/export", params={"table_id": "odd"}).text
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == list(ChangeRow.__struct_fields__)
    found = {row[header.index("attribute")]: row[header.index("current_value")] for row in rows}
    assert found == {"t": "'=1+1", "q": "é😀"}
    assert 'a "b", c\nd' in {row[header.index("previous_value")] for row in rows}


def test_nothing_found_is_an_empty_file(client: httpx.Client) -> None:
    assert client.get("/v1/export", params={"table_id": "none", "format": "ndjson"}).content == b""
    assert client.get("/v1/export", params={"table_id": "none"}).text.count("\n") == 1


@pytest.mark.parametrize(
    ("params", "word"),
    [({"format": "parquet"}, "byline export"), ({"format": "xlsx"}, "csv"), ({"limit": "1"}, "not a parameter")],
)
def test_what_it_does_not_do_is_told(client: httpx.Client, params: dict[str, str], word: str) -> None:
    answer = client.get("/v1/export", params=params)
    assert answer.status_code == 400
    assert word in answer.json()["errors"][0]["detail"]


def test_it_takes_every_filter() -> None:
    assert {parameter.name for parameter in FILTERS} < {parameter.name for parameter in EXPORT}
