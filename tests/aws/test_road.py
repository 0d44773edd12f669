"""The whole road on an emulator of AWS that checks every right: PUT → S3 → SQS → Lambda → MySQL → Lambda → HTTP."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import generate
from tests.aws.sending import event, key, table
from tests.aws.stack import Stack, eventually

MANY = int(os.environ.get("BYLINE_TEST_EVENTS", "3000"))
"""How many events the large object holds. CI has little time; ``BYLINE_TEST_EVENTS=100000`` is the whole measure."""

Seen = Any


def test_an_object_becomes_rows_that_http_answers(stack: Stack, record_property: Seen) -> None:
    name = table()
    started = time.monotonic()
    stack.put(key(), [event(name)])
    rows = eventually(lambda: stack.rows(table_id=name, order="oldest"))
    record_property("seconds from PUT to the row by HTTP", round(time.monotonic() - started, 2))
    record_property("seconds from create-stack to the first row by HTTP", round(stack.first_row_seconds, 2))
    assert [(row["attribute"], row["previous_value"], row["current_value"]) for row in rows] == [
        ("inventory", "1", "10"),
        ("title", "old", "new"),
    ]
    assert rows[0]["user_name"] == "Asha Rao"


BAD = {
    "none": "",
    "junk": "junk",
    "expired": {"exp": int(time.time()) - 60},
    "another issuer": {"iss": "https://issuer.example"},
    "another audience": {"aud": "somebody"},
    "another key": {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_without_a_good_token_nothing_is_answered(stack: Stack, bad: str | dict[str, Any]) -> None:
    token = bad if isinstance(bad, str) else stack.issuer.token(**bad)
    answer = stack.get("/v1/changes", token=token)
    assert (answer.status_code, "data" in answer.text) == (401, False)


def test_the_application_itself_asks_for_a_token_where_the_gateway_does_not(stack: Stack) -> None:
    assert stack.http.request("OPTIONS", "/v1/changes").status_code != 200
    assert stack.call("query:live", request("/v1/changes")).said["statusCode"] == 401


def request(path: str) -> dict[str, Any]:
    """What the gateway hands over: a GET of a browser without token and cookie."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "byline.example", "accept": "text/html"},
        "requestContext": {"http": {"method": "GET", "path": path, "sourceIp": "127.0.0.1"}, "stage": "$default"},
        "isBase64Encoded": False,
    }


def test_an_account_sees_its_own_events_only(stack: Stack) -> None:
    name = table()
    stack.put(key(), [event(name)])
    eventually(lambda: stack.rows(table_id=name))
    beta = stack.get("/v1/changes", table_id=name, token=stack.issuer.token(account_id="beta"))
    assert beta.json()["data"] == []
    everyone = stack.issuer.token(account_id=None, scope="byline:all-accounts")
    assert len(stack.get("/v1/changes", table_id=name, token=everyone).json()["data"]) == 2


def test_a_reader_without_a_token_gets_a_page_and_no_error(stack: Stack) -> None:
    assert stack.http.get("/health").status_code == 200
    page = stack.http.get("/", headers={"Accept": "text/html"})
    assert page.status_code < 500
    assert "html" in page.headers.get("content-type", "") or page.is_redirect


def test_what_another_deployment_says_is_what_readers_meet(stack: Stack) -> None:
    """They meet a published version of the function: who deploys new keys, or another address, must publish another."""
    address = f"https://{uuid4()}.example/sign-in"
    stack.change(SignInUrl=address)
    answer = stack.call(f"query:{stack.live()}", request("/sign-in")).said
    assert answer["headers"].get("location", "").startswith(address), answer


def test_what_comes_twice_is_there_once(stack: Stack) -> None:
    name = table()
    events = [event(name, entity, event_id=str(uuid4())) for entity in range(20)]
    first = stack.put(key(), events)
    stack.put(key(), events)
    for _ in range(2):
        announce(stack, first)
    eventually(lambda: len(stack.rows(table_id=name, limit=200)) == 40)
    eventually(stack.drained)
    assert len(stack.rows(table_id=name, limit=200)) == 40


def announce(stack: Stack, key: str) -> None:
    """As S3 does now and then: once more."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": stack.bucket}, "object": {"key": key}},
    }
    stack.sqs.send_message(QueueUrl=stack.outputs["QueueUrl"], MessageBody=json.dumps({"Records": [record]}))


def test_a_key_with_odd_characters_is_read(stack: Stack) -> None:
    name = table()
    stack.put(f"events/ein Ordner/Grüße & mehr+50%20 (1)/{uuid4()}.ndjson", [event(name)])
    eventually(lambda: stack.rows(table_id=name))


def test_an_event_of_eight_mebibytes_is_taken_and_answered(stack: Stack) -> None:
    name, large = table(), "ü" * (4 * 1024 * 1024 - 4096)
    one = event(name, new_data={"title": large, "inventory": 1})
    body = json.dumps(one, ensure_ascii=False).encode()
    assert 8 * 1024 * 1024 - 16384 < len(body) <= 8 * 1024 * 1024
    stack.put(key(), body)
    eventually(lambda: stack.get("/v1/events", table_id=name, limit=1).status_code == 303, seconds=120)
    answer = stack.get("/v1/changes", table_id=name)
    assert answer.status_code == 303
    laid = stack.http.get(answer.headers["location"])
    (row,) = laid.json()["data"]
    assert (row["attribute"], row["current_value"]) == ("title", large)


def test_poison_is_given_up_and_can_be_replayed(stack: Stack) -> None:
    """An object that the processor may not read, until somebody mends the bucket's policy."""
    name, poison = table(), key("poison")
    policy = json.loads(stack.s3.get_bucket_policy(Bucket=stack.bucket)["Policy"])
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{stack.bucket}/{poison}",
    }
    broken = {**policy, "Statement": [*policy["Statement"], deny]}
    stack.s3.put_bucket_policy(Bucket=stack.bucket, Policy=json.dumps(broken))
    stack.put(poison, [event(name)])
    neighbour = table()
    stack.put(key(), [event(neighbour)])
    eventually(lambda: stack.rows(table_id=neighbour))
    eventually(lambda: is_given_up(stack))
    stack.s3.put_bucket_policy(Bucket=stack.bucket, Policy=json.dumps(policy))
    admin = {"Authorization": f"Bearer {stack.issuer.token(scope='byline:admin')}"}
    letters = stack.http.get("/v1/dead-letters", headers=admin).json()["data"]
    (letter,) = [letter for letter in letters if letter["key"] == poison]
    assert letter["reason"] == "gave_up"
    replayed = stack.http.post(f"/v1/dead-letters/{letter['id']}/replay", headers=admin)
    assert replayed.json()["accepted"] is True
    assert len(stack.rows(table_id=name)) == 2
    assert not given_up(stack)


def given_up(stack: Stack) -> int:
    told = stack.sqs.get_queue_attributes(QueueUrl=stack.outputs["GivenUpUrl"], AttributeNames=["All"])["Attributes"]
    return int(told["ApproximateNumberOfMessages"]) + int(told["ApproximateNumberOfMessagesNotVisible"])


def is_given_up(stack: Stack) -> bool:
    """The pauses between the tries, of two minutes at most, are passed over in steps."""
    stack.aws.forward(40)
    time.sleep(0.4)
    return given_up(stack) == 1


def test_workers_that_are_killed_lose_and_double_nothing(stack: Stack) -> None:
    name, objects, each = table(), 40, 50
    bodies = [[event(name, f"{number}-{line}") for line in range(each)] for number in range(objects)]
    with in_hand_for(stack, 30):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda body: stack.put(key(), body), bodies))
        killed = 0
        for _ in range(4):
            time.sleep(0.25)
            killed += stack.kill_workers("processor")
        assert killed > 0
        eventually(lambda: all_there(stack, name, objects * each), seconds=180)
        eventually(stack.drained)
    assert (count(stack, name), given_up(stack)) == ((objects * each, objects * each * 2), 0)


@contextmanager
def in_hand_for(stack: Stack, seconds: int) -> Iterator[None]:
    """Messages come back from the dead sooner than after the stack's half an hour."""
    queue = stack.outputs["QueueUrl"]
    told = stack.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    stack.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})
    yield
    stack.sqs.set_queue_attributes(QueueUrl=queue, Attributes=told)


def all_there(stack: Stack, table: str, events: int) -> bool:
    """What a dead worker had in hand comes back when its time is up; where nothing moves, that is passed over."""
    before = count(stack, table)
    if before[0] < events:
        time.sleep(2)
        if count(stack, table) == before:
            stack.aws.forward(30)
    return before[0] == events


def count(stack: Stack, table: str) -> tuple[int, int]:
    """Events and changes, as the database counts them."""
    (found,) = stack.query("SELECT COUNT(DISTINCT entity_id), COUNT(*) FROM change_history WHERE table_id = %s", table)
    return int(found[0]), int(found[1])


def test_throughput_of_the_chain(stack: Stack, record_property: Seen) -> None:
    name, objects, each = table(), 200, 25
    bodies = [[event(name, f"{number}-{line}") for line in range(each)] for number in range(objects)]
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda body: stack.put(key(), body), bodies))
    put = time.monotonic() - started
    eventually(lambda: count(stack, name)[0] == objects * each, seconds=120)
    seconds = time.monotonic() - started
    record_property(
        f"{objects} objects of {each} events",
        f"{seconds:.1f} s, of which {put:.1f} s to put them: {objects / seconds:.0f} objects/s, "
        f"{objects * each / seconds:.0f} events/s; the emulator, the workers and the database share two cores",
    )
    assert count(stack, name)[1] == objects * each * 2


def test_a_large_object_gives_the_rows_that_it_gives_on_a_laptop(
    stack: Stack, record_property: Seen, laptop: Any
) -> None:
    body = b"".join(generate.lines(MANY))
    started = time.monotonic()
    there = stack.put(key("large"), body)
    taken = "SELECT arrival FROM objects WHERE object_key = %s AND arrival IS NOT NULL"
    eventually(lambda: stack.query(taken, there), seconds=600)
    record_property(f"seconds for an object of {MANY} events", round(time.monotonic() - started, 1))
    tables = {json.loads(line)["table_id"] for line in body.splitlines()}
    marks = ", ".join(["%s"] * len(tables))
    rows = stack.query(f"SELECT * FROM change_history WHERE table_id IN ({marks})", *sorted(tables))
    assert sorted(map(repr, rows)) == sorted(map(repr, laptop(body)))


def test_doctor_finds_nothing_amiss_in_a_new_stack(stack: Stack) -> None:
    assert (stack.doctor["status"], "history: its schema is" in stack.doctor["out"]) == (0, True), stack.doctor


def test_a_command_that_is_none_of_its_own_is_refused(stack: Stack) -> None:
    assert stack.call("admin", {"command": ["serve"]}).failed


def test_what_the_schedules_ask_for_is_done(stack: Stack) -> None:
    for asked in stack.scheduled():
        answer = stack.call("admin", asked)
        assert answer.failed is None, answer.said


def test_the_sweep_announces_what_was_never_announced(stack: Stack) -> None:
    name = table()
    told = stack.s3.get_bucket_notification_configuration(Bucket=stack.bucket)
    told.pop("ResponseMetadata")
    stack.s3.put_bucket_notification_configuration(Bucket=stack.bucket, NotificationConfiguration={})
    stack.put(key(), [event(name)])
    stack.s3.put_bucket_notification_configuration(Bucket=stack.bucket, NotificationConfiguration=told)
    assert stack.call("admin", {"task": "sweep"}).said["announced"] >= 1
    eventually(lambda: stack.rows(table_id=name))


def test_a_service_may_put_under_its_own_prefix_and_nothing_else(stack: Stack) -> None:
    shop = stack.as_service("shop")
    shop.put_object(Bucket=stack.bucket, Key=key(service="shop"), Body=b"")
    denied = [
        lambda: shop.put_object(Bucket=stack.bucket, Key=key(service="shop2"), Body=b""),
        lambda: shop.put_object(Bucket=stack.bucket, Key="dismissals/x.json", Body=b""),
        lambda: shop.get_object(Bucket=stack.bucket, Key=key(service="shop")),
        lambda: shop.list_objects_v2(Bucket=stack.bucket),
        lambda: shop.delete_object(Bucket=stack.bucket, Key=key(service="shop")),
    ]
    for ask in denied:
        with pytest.raises(shop.exceptions.ClientError, match=r"AccessDenied|403"):
            ask()
