"""``undo``, ``export`` and ``search --unexplained``, as people and scripts use them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import jsonpatch
import pyarrow.parquet
import pytest

from tests.acceptance.conftest import Byline


def updated(second: int, old: dict[str, Any] | None, new: dict[str, Any] | None, **said: Any) -> dict[str, Any]:
    info = {
        "time_stamp": f"2024-05-01T12:00:{second:02}Z",
        "request_id": said.pop("request", f"r{second}"),
        "user": {"user_id": "u1", "user_name": said.pop("user", "Ann")},
    }
    action = "create" if old is None else "delete" if new is None else "update"
    named = {"table_id": "orders", "entity_id": "7", "micro_service_name": "shop", "action": action, **said}
    return {**named, "old_data": old, "new_data": new, "request_info": info}


def taken(byline: Byline, *events: dict[str, Any]) -> Byline:
    byline("put", "-", stdin=b"".join(json.dumps(event).encode() + b"\n" for event in events))
    byline("process")
    return byline


# --- undo ---


def test_undo_tells_what_to_restore_and_changes_nothing(byline: Byline) -> None:
    taken(byline, updated(1, {"price": 5, "n": 1}, {"price": 6, "n": 1}, request="R"))
    before = byline("export").out
    told = byline("undo", "R")
    assert told.text == "1. update orders 7\nattribute\tis now\trestore to\nprice\t6\t5\n"
    (plan,) = byline("undo", "R", "--json").rows
    assert (plan["request_id"], plan["complete"]) == ("R", True)
    (step,) = plan["steps"]
    (now,) = byline("state", "orders", "7", "--json").rows
    assert jsonpatch.apply_patch(now["state"], step["json_patch"]) == {"price": 5, "n": 1} == step["data"]
    assert byline("export").out == before


def test_undo_refuses_what_changed_since_and_says_who_and_ends_with_one(byline: Byline) -> None:
    taken(
        byline,
        updated(1, {"price": 5, "n": 1}, {"price": 6, "n": 2}, request="R"),
        updated(20, {"price": 6, "n": 2}, {"price": 7, "n": 2}, user="Bob"),
    )
    told = byline("undo", "R", status=1).text
    assert "n\t2\t1" in told
    assert "Refused: price. It was changed since. By Bob at 2024-05-01T12:00:20.000000Z in request r20" in told


def test_undo_takes_the_id_of_an_event_too(byline: Byline) -> None:
    taken(byline, updated(1, None, {"n": 1}))
    (event,) = byline("search", "--events", "--json").rows
    (plan,) = byline("undo", event["event_id"], "--json").rows
    assert (plan["event_id"], plan["steps"][0]["action"]) == (event["event_id"], "delete")


def test_undo_of_what_nobody_knows_is_no(byline: Byline) -> None:
    taken(byline, updated(1, None, {"n": 1}), updated(2, {"n": 1}, None))
    answer = byline("undo", "nobody", status=1)
    assert (answer.out, answer.errors) == (b"", "No request and no event has the id nobody.\n")
    assert "Nothing is left to undo of r1" in byline("undo", "r1").errors


# --- search --unexplained ---


def test_what_changed_outside_of_the_recorded_services_is_found(byline: Byline) -> None:
    taken(byline, updated(1, {"inventory": 12}, {"inventory": 10}), updated(40, {"inventory": 7}, {"inventory": 6}))
    (gap,) = byline("search", "--unexplained", "--json").rows
    assert (gap["entity_id"], gap["since"][:19], gap["until"][:19]) == (
        "7",
        "2024-05-01T12:00:01",
        "2024-05-01T12:00:40",
    )
    assert [(change["previous_value"], change["current_value"]) for change in gap["changes"]] == [("10", "7")]
    assert "inventory\t10\t7" in byline("search", "--unexplained", "--table-id", "orders").text
    assert byline("search", "--unexplained", "--table-id", "other").errors == "Every change has its event.\n"


def test_unexplained_changes_have_no_events(byline: Byline) -> None:
    assert "not both" in byline("search", "--unexplained", "--events", status=2).errors


def test_more_gaps_than_asked_for_are_said_to_be_there(byline: Byline) -> None:
    taken(byline, *(updated(10 * n, {"n": 0}, {"n": 1}) for n in range(5)))
    answer = byline("search", "--unexplained", "--limit", "2", "--json")
    assert len(answer.rows) == 2
    assert "--limit 0" in answer.errors
    assert len(byline("search", "--unexplained", "--limit", "0", "--json").rows) == 4


# --- export ---


def test_csv_and_ndjson_hold_the_rows_that_search_shows(byline: Byline) -> None:
    taken(byline, *(updated(n, {"n": n, "t": "a\n,"}, {"n": n + 1, "t": '"ü'}) for n in range(30)))
    rows = byline("search", "--json", "--limit", "0").rows
    assert [json.loads(line) for line in byline("export", "--format", "ndjson").out.splitlines()] == rows
    read = list(csv.DictReader(io.StringIO(byline("export").out.decode(), newline="")))
    assert read == [{name: value or "" for name, value in row.items()} for row in rows]
    only = byline("export", "--attribute", "n", "--current-value", "3", "--format", "ndjson").out
    assert [json.loads(line)["current_value"] for line in only.splitlines()] == ["3"]


def test_a_parquet_file_holds_the_same_rows_in_row_groups(byline: Byline) -> None:
    taken(byline, *(updated(n, {"n": n}, {"n": n + 1, "t": None}) for n in range(40)))
    byline("export", "--format", "parquet", "-o", "changes.parquet")
    table = pyarrow.parquet.read_table(byline.folder / "changes.parquet")
    assert table.to_pylist() == byline("search", "--json", "--limit", "0").rows
    assert "needs a place" in byline("export", "--format", "parquet", status=2).errors


@pytest.mark.parametrize("format", ["csv", "ndjson"])
def test_a_file_takes_the_place_of_another_whole_or_not_at_all(byline: Byline, format: str) -> None:
    taken(byline, updated(1, None, {"n": 1}))
    file = byline.file("changes", b"what was there")
    byline("export", "--format", format, "-o", file, "--from", "3000-01-01", "--to", "nonsense", status=2)
    assert file.read_bytes() == b"what was there"
    byline("export", "--format", format, "-o", file)
    assert file.read_bytes() == byline("export", "--format", format).out
    assert "cannot write" in byline("export", "-o", "no/such/folder/file", status=3).errors
    assert sorted(path.name for path in byline.folder.iterdir()) == ["changes", "data"]


def test_a_whole_file_that_cannot_be_finished_leaves_nothing_behind(byline: Byline) -> None:
    taken(byline, updated(1, None, {"n": 1}))
    (byline.folder / "taken").mkdir()
    byline("export", "-o", "taken", status=3)
    assert sorted(path.name for path in byline.folder.iterdir()) == ["data", "taken"]


@pytest.mark.parametrize("folder", ["", ".", "/"])
def test_a_folder_is_no_file_to_export_into(byline: Byline, folder: str) -> None:
    taken(byline, updated(1, None, {"n": 1}))
    assert "is a folder" in byline("export", "-o", folder, status=2).errors
