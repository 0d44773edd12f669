"""The admin function, with real stores in a folder: commands, tasks, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from byline.aws import admin, stores, sweeping
from byline.aws.admin import handler
from byline.errors import SchemaOutdated, UsageError
from byline.processor import sweep as looking
from tests.acceptance.samples import line
from tests.unit.aws.conftest import Call, figures

KEY = "events/micro_service_name=catalogue/date=2024-02-03/hour=04/1.json"


def test_a_command_is_run_and_its_status_and_words_are_told(place):
    answer = handler({"command": ["doctor", "--json"]}, Call())
    assert (answer["command"], answer["status"]) == (["doctor", "--json"], 0)
    assert "history" in {json.loads(found)["check"] for found in answer["out"].splitlines()}


def test_a_command_that_finds_trouble_tells_its_status(place):
    place.put(KEY, line(1))
    answer = handler({"command": ["doctor"]}, Call())
    assert answer["status"] == 1
    assert "have not been taken" in answer["out"]


def test_a_history_is_rebuilt_on_demand(place):
    place.put(KEY, line(1))
    answer = handler({"command": ["rebuild", "--json"]}, Call())
    assert (answer["status"], json.loads(answer["out"])["events"]) == (0, 1)


def test_a_command_that_would_outlive_the_function_is_stopped_and_says_so(place):
    answer = handler({"command": ["migrate"]}, Call(seconds=admin.SPARE + 0.01))
    assert answer["status"] is None
    assert answer["stopped_after"] <= 0.01


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        {"command": "doctor"},
        {"command": []},
        {"command": ["serve"]},
        {"command": ["put", "/etc/passwd"]},
        {"command": ["doctor; rm -rf /"]},
        {"command": ["doctor", 5]},
        {"task": "drop"},
        {"Records": []},
    ],
)
def test_anything_else_is_refused_and_told_what_works(place, event):
    with pytest.raises(UsageError, match="sweep") as caught:
        handler(event, Call())
    assert "doctor" in caught.value.hint


def test_a_sweep_announces_what_was_never_taken_and_counts_it(place, capsys):
    place.put(KEY, line(1))
    assert handler({"task": "sweep"}, Call())["announced"] == 1
    assert figures(capsys.readouterr().out)["Announced"] == 1
    with closing(sqlite3.connect(place.data / "queue.db")) as queue:
        assert queue.execute("SELECT key FROM message").fetchall() == [(KEY,)]


def test_a_sweep_whose_time_is_up_says_where_it_stopped_and_goes_on_from_there(place, monkeypatch):
    monkeypatch.setattr(looking, "KEYS_AT_A_TIME", 2)
    keys = [place.put(KEY.replace("1.json", f"{n}.json"), line(n)) for n in range(5)]
    first = handler({"task": "sweep"}, Call(seconds=0.0))
    assert first == {"announced": 2, "stopped_at": keys[1]}
    assert handler({"task": "sweep", "after": first["stopped_at"]}, Call()) == {"announced": 3, "stopped_at": None}


def test_the_next_sweep_of_a_schedule_goes_on_where_the_last_one_stopped_and_then_begins_anew(place, monkeypatch):
    """Another environment, perhaps, does it: all that is known of the last one is in the bucket."""
    monkeypatch.setattr(looking, "KEYS_AT_A_TIME", 2)
    keys = [place.put(KEY.replace("1.json", f"{n}.json"), line(n)) for n in range(5)]
    stops = [handler({"task": "sweep"}, Call(seconds=0.0))["stopped_at"] for _ in range(5)]
    assert stops == [keys[1], keys[3], keys[4], None, keys[1]]
    assert handler({"task": "sweep"}, Call()) == {"announced": 3, "stopped_at": None}
    assert handler({"task": "sweep"}, Call()) == {"announced": 5, "stopped_at": None}


def test_no_sweep_adds_to_a_queue_in_which_much_waits(place, monkeypatch):
    monkeypatch.setattr(sweeping, "ENOUGH", 2)
    for n in range(5):
        place.put(KEY.replace("1.json", f"{n}.json"), line(n))
    assert handler({"task": "sweep"}, Call())["announced"] == 5
    assert handler({"task": "sweep"}, Call()) == {"announced": 0, "waiting": 5}


def test_an_event_of_a_schedule_does_every_task(place):
    answer = handler({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, Call())
    assert answer.keys() == {"partitions", "sweep"}


def test_partitions_are_made_only_in_a_history_whose_schema_is_current(place):
    assert handler({"task": "partitions"}, Call())["schema"] == place.history.reader.health().schema
    with closing(sqlite3.connect(place.data / "history.db")) as history, history:
        history.execute("UPDATE alembic_version SET version_num = '0000'")
    stores.forget()  # as in another environment: what was deployed with another schema
    with pytest.raises(SchemaOutdated):
        handler({"task": "partitions"}, Call())
