"""``byline serve`` with sign-in: on any address, and with a record of who read what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import run, serving, write_events
from tests.web import issuer
from tests.web.issuer import bearer

SIGN_IN = {
    "BYLINE_JWT_ISSUER": issuer.ISSUER,
    "BYLINE_JWT_AUDIENCE": issuer.AUDIENCE,
    "BYLINE_JWT_JWKS": issuer.JWKS,
}


def an_event(account: str) -> dict[str, Any]:
    return {
        "table_id": "products_master",
        "entity_id": 1,
        "micro_service_name": "product_management",
        "action": "update",
        "account_id": account,
        "old_data": {"inventory": 1},
        "new_data": {"inventory": 10},
        "request_info": {"time_stamp": "2020-07-29T19:45:00.047Z"},
    }


def test_where_readers_sign_in_it_answers_on_any_address_and_each_sees_their_own(tmp_path: Path) -> None:
    run("put", str(write_events(tmp_path / "e.ndjson", [an_event("alpha"), an_event("beta")])), cwd=tmp_path)
    with serving("serve", "--host", "0.0.0.0", cwd=tmp_path, **SIGN_IN) as server:
        server.client.base_url = re.sub(r"0\.0\.0\.0", "127.0.0.1", server.address)
        assert server.client.get("/v1/changes").status_code == 401
        server.client.headers = bearer()
        [row] = server.wait_for("/v1/changes", rows=1)
        assert row["account_id"] == "alpha"
        assert server.client.get("/v1/changes", headers={"Host": "byline.example"}).status_code == 200
        # What was read above becomes an event, which takes the same road as any other.
        accesses = server.wait_for(
            "/v1/changes?table_id=byline_access&attribute=path&current_value=/v1/changes", rows=1
        )
        assert {(row["user_id"], row["microservice_name"]) for row in accesses} == {("u1", "byline")}
        assert len(server.client.get("/v1/changes").json()["data"]) == 1


def test_reads_are_not_recorded_where_the_setting_says_so(tmp_path: Path) -> None:
    with serving("serve", cwd=tmp_path, BYLINE_RECORD_READS="off", **SIGN_IN) as server:
        assert server.client.get("/v1/changes", headers=bearer()).status_code == 200
    assert not (tmp_path / "byline-data" / "spool").exists()


@pytest.mark.parametrize("left_out", SIGN_IN)
def test_a_half_of_sign_in_is_refused_at_the_start(tmp_path: Path, left_out: str) -> None:
    given = {name: value for name, value in SIGN_IN.items() if name != left_out}
    done = run("serve", "--port", "0", cwd=tmp_path, **given)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert left_out in line


def test_keys_that_cannot_be_read_are_refused_at_the_start(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", cwd=tmp_path, **{**SIGN_IN, "BYLINE_JWT_JWKS": "{}"})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_how_often_one_may_ask_is_a_setting(tmp_path: Path) -> None:
    with serving("serve", cwd=tmp_path, BYLINE_RATE_LIMIT="2/hour", **SIGN_IN) as server:
        assert [server.client.get("/v1/changes", headers=bearer()).status_code for _ in range(3)] == [200, 200, 429]
    done = run("serve", "--port", "0", cwd=tmp_path, BYLINE_RATE_LIMIT="often", **SIGN_IN)
    assert done.returncode == 2
    assert "600/minute" in done.stderr


def test_events_that_are_sent_are_answered_and_metrics_tell_of_them(tmp_path: Path) -> None:
    with serving("serve", cwd=tmp_path) as server:
        sent = server.client.post("/v1/events", json=[an_event("alpha"), an_event("beta")])
        assert sent.status_code == 202
        server.wait_for("/v1/changes", rows=2)
        metrics = server.client.get("/metrics").text
        assert "byline_taken_events_total 2.0" in metrics
        assert "byline_processor_running 1.0" in metrics
