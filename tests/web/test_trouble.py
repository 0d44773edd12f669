"""What a reader hears when something is down or broken, and what they do not hear."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from byline.web import create_app
from byline.web.shapes import ProcessorHealth
from byline.wiring import open_history
from tests.web.served import Byline, an_event, served

EVENT_ID = "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"


@pytest.fixture
def byline(tmp_path: Path) -> Byline:
    return Byline(tmp_path / "data")


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["detail"]


def objects_of(byline: Byline) -> list[Path]:
    return [path for path in (byline.settings.data / "bucket").rglob("*.json*") if path.is_file()]


def test_a_history_whose_schema_is_missing_is_503_and_says_what_to_run(byline: Byline, tmp_path: Path) -> None:
    from byline.settings import Settings

    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "history.db").touch()
    history = open_history(Settings.load(empty, {}))
    with served(create_app(history, byline.bucket)) as client:
        for path in ("/v1/changes", "/health"):
            status, detail = problem(client.get(path))
            assert status == 503
            assert "byline migrate" in detail
    history.close()


def test_a_history_that_is_gone_is_503_and_its_place_is_not_told(byline: Byline, tmp_path: Path) -> None:
    from byline.settings import Settings

    history = open_history(Settings.load(tmp_path / "nowhere", {}))
    with served(create_app(history, byline.bucket)) as client:
        for path in ("/v1/changes", "/health"):
            answer = client.get(path)
            assert problem(answer)[0] == 503
            assert "nowhere" not in answer.text
    history.close()


def test_what_breaks_inside_is_500_and_tells_nothing_of_the_inside(
    byline: Byline, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> ProcessorHealth:
        raise RuntimeError("a secret of the house")

    with served(create_app(byline.history, byline.bucket, processor=broken)) as client:
        answer = client.get("/health")
    assert problem(answer)[0] == 500
    assert "secret" not in answer.text
    assert "a secret of the house" in caplog.text


@pytest.mark.parametrize("state", ["restarting", "stopped"])
def test_a_processor_that_does_not_run_makes_health_503_while_questions_are_answered(
    byline: Byline, state: str
) -> None:
    def failing() -> ProcessorHealth:
        return ProcessorHealth(state, 3)  # type: ignore[arg-type]

    with served(create_app(byline.history, byline.bucket, processor=failing)) as client:
        answer = client.get("/health")
        assert problem(answer)[0] == 503
        assert answer.json()["processor"] == {"state": state, "failures": 3}
        assert client.get("/v1/changes").status_code == 200


def test_an_event_whose_object_is_gone_is_404_for_its_bytes_only(byline: Byline) -> None:
    byline.take(an_event())
    [stored] = objects_of(byline)
    stored.unlink()
    with served(create_app(byline.history, byline.bucket)) as client:
        assert client.get(f"/v1/events/{EVENT_ID}").status_code == 200
        status, detail = problem(client.get(f"/v1/events/{EVENT_ID}/raw"))
        assert status == 404
        assert "bucket" in detail
        assert problem(client.get("/v1/entity", params={"table_id": "products_master", "entity_id": "1"}))[0] == 404


def test_bytes_that_are_not_what_was_recorded_are_never_sent_under_its_name(byline: Byline) -> None:
    byline.take(an_event())
    [stored] = objects_of(byline)
    stored.chmod(0o600)
    stored.write_bytes(stored.read_bytes().replace(b"Pavan", b"Peter"))
    with served(create_app(byline.history, byline.bucket)) as client:
        answer = client.get(f"/v1/events/{EVENT_ID}/raw")
    assert problem(answer)[0] == 503
    assert "Peter" not in answer.text


def test_many_readers_at_once_are_answered_while_events_arrive(byline: Byline) -> None:
    byline.take(an_event())
    answers: list[int] = []

    def ask(client: httpx.Client) -> None:
        answers.extend(client.get("/v1/changes").status_code for _ in range(10))

    with served(create_app(byline.history, byline.bucket)) as client:
        threads = [threading.Thread(target=ask, args=(client,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in range(20):
            byline.take(an_event(event_id=None, entity_id=str(number)))
        for thread in threads:
            thread.join()
        assert len(client.get("/v1/events", params={"limit": 200}).json()["data"]) == 21
    assert answers == [200] * 80
