from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import run, serving, write_events


def an_event(entity_id: object = 1, **other: Any) -> dict[str, Any]:
    return {
        "table_id": "products_master",
        "entity_id": entity_id,
        "micro_service_name": "product_management",
        "action": "update",
        "old_data": {"inventory": 1},
        "new_data": {"inventory": 10},
        "request_info": {"time_stamp": "2020-07-29T19:45:00.047Z", "user": {"user_name": "Pavan Kumar"}},
        **other,
    }


def test_what_is_put_while_it_serves_is_answered(tmp_path: Path) -> None:
    with serving("serve", "--data", "data", cwd=tmp_path) as server:
        assert server.client.get("/v1/changes").json()["data"] == []
        events = write_events(tmp_path / "events.ndjson", [an_event(1), an_event(2)])
        assert run("put", str(events), "--data", "data", cwd=tmp_path).returncode == 0
        rows = server.wait_for("/v1/changes", rows=2)
        assert {row["entity_id"] for row in rows} == {"1", "2"}
        assert "changed" in server.client.get("/").text
        health = server.client.get("/health")
        assert (health.status_code, health.json()["processor"]["state"]) == (200, "running")


def test_an_object_whose_announcement_was_lost_is_taken_at_start(tmp_path: Path) -> None:
    events = write_events(tmp_path / "events.ndjson", [an_event()])
    run("put", str(events), "--data", "data", cwd=tmp_path)
    for lost in (tmp_path / "data").glob("queue.db*"):
        lost.unlink()
    with serving("serve", "--data", "data", cwd=tmp_path) as server:
        server.wait_for("/v1/changes", rows=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_peace(tmp_path: Path, number: signal.Signals) -> None:
    with serving("serve", "--data", "data", cwd=tmp_path) as server:
        assert server.client.get("/health").status_code == 200
        assert server.stop(number) == (0, "")


def test_a_stop_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    count = 3_000
    for part in range(6):
        events = [an_event(part * count + number) for number in range(count)]
        run("put", str(write_events(tmp_path / f"{part}.ndjson", events)), "--data", "data", cwd=tmp_path)
    with serving("serve", "--data", "data", cwd=tmp_path) as server:
        server.wait_for("/v1/changes?limit=1", rows=1)
        assert server.stop(signal.SIGTERM) == (0, "")
    done = run("process", "--data", "data", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = run("search", "--limit", "0", "--json", "--data", "data", cwd=tmp_path).stdout.splitlines()
    assert len(rows) == len(set(rows)) == 6 * count


def test_a_cursor_outlives_the_process_where_the_key_is_given(tmp_path: Path) -> None:
    run("put", str(write_events(tmp_path / "e.ndjson", [an_event(1), an_event(2)])), "--data", "data", cwd=tmp_path)
    answers = []
    for key in ("one key", "one key", "another key"):
        with serving("serve", "--data", "data", cwd=tmp_path, BYLINE_CURSOR_KEY=key) as server:
            server.wait_for("/v1/changes", rows=2)
            page = server.client.get("/v1/changes", params={"limit": 1}).json()
            cursor = answers[0]["next_cursor"] if answers else page["next_cursor"]
            again = server.client.get("/v1/changes", params={"limit": 1, "cursor": cursor})
            answers.append({**page, "status": again.status_code})
    assert [answer["status"] for answer in answers] == [200, 200, 400]


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, "--data", "data", cwd=tmp_path)
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert port in line
    assert "--port" in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "byline.example"])
def test_it_refuses_to_answer_anywhere_but_on_loopback(tmp_path: Path, host: str) -> None:
    done = run("serve", "--host", host, "--port", "0", "--data", "data", cwd=tmp_path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "loopback" in line
    assert not (tmp_path / "data").exists()


def test_a_history_that_cannot_be_opened_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data" / "history.db").mkdir(parents=True)
    done = run("serve", "--port", "0", "--data", "data", cwd=tmp_path)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1


def test_two_servers_share_the_work_of_one_folder(tmp_path: Path) -> None:
    with (
        serving("serve", "--data", "data", cwd=tmp_path) as one,
        serving("serve", "--data", "data", cwd=tmp_path) as other,
    ):
        for number in range(10):
            events = write_events(tmp_path / f"{number}.ndjson", [an_event(number)])
            run("put", str(events), "--data", "data", cwd=tmp_path)
        for server in (one, other):
            rows = server.wait_for("/v1/changes?limit=200", rows=10)
            assert len(rows) == 10
