"""What stands in messages of SQS: shapes as AWS documents them, and whatever else somebody may send there."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byline.queue.notification import Notifications
from byline.queue.port import Announcement

BUCKET = "audit-trail"
KEY = "events/micro_service_name=shop/date=2026-01-01/hour=00/1.json"
NOTIFICATIONS = Notifications(BUCKET)


def record(key: str = KEY, *, bucket: str = BUCKET, name: str = "ObjectCreated:Put", version: str = "2.1") -> dict:
    """As S3 writes it (Amazon S3 user guide, "Event message structure")."""
    return {
        "eventVersion": version,
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDA"},
        "requestParameters": {"sourceIPAddress": "10.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "byline",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "A3"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 1024, "eTag": "d41d8cd98f00b204", "sequencer": "0055AED6DCD90281E5"},
        },
    }


def message(*records: object) -> str:
    return json.dumps({"Records": records})


def read(body: str, notifications: Notifications = NOTIFICATIONS) -> tuple[list[str], str | None]:
    """The keys that a message announces, and the reason why the rest is not understood."""
    heard = notifications.read("id", body)
    return [item.key for item in heard.announcements], heard.unread.reason if heard.unread else None


def eventbridge(key: str, kind: str = "Object Created") -> str:
    """As EventBridge sends it ("EventBridge event message structure")."""
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": kind,
            "source": "aws.s3",
            "account": "111122223333",
            "time": "2026-01-01T00:00:00Z",
            "region": "eu-central-1",
            "resources": [f"arn:aws:s3:::{BUCKET}"],
            "detail": {"version": "0", "bucket": {"name": BUCKET}, "object": {"key": key, "size": 5}},
        }
    )


def sns(inner: str) -> str:
    """As SNS wraps it, unless the subscription asks for raw messages."""
    return json.dumps({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:e:1:t", "Message": inner})


def test_every_record_of_a_message_is_heard():
    assert read(message(record("events/1.json"), record("events/2.json"))) == (["events/1.json", "events/2.json"], None)


@pytest.mark.parametrize(
    "name", ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy"]
)
def test_an_object_that_came_is_announced_however_it_came(name):
    assert read(message(record(name=name))) == ([KEY], None)


@pytest.mark.parametrize("name", ["ObjectRemoved:Delete", "ObjectRestore:Completed", "LifecycleTransition"])
def test_an_object_that_went_or_moved_is_none_of_our_business(name):
    assert read(message(record(name=name))) == ([], None)


def test_a_test_event_says_nothing_and_is_no_trouble():
    body = json.dumps(
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET, "RequestId": "5582815E1AEA5ADF"}
    )
    assert read(body) == read(sns(body)) == ([], None)


def test_a_key_is_decoded_once_as_a_form_is():
    assert read(message(record("events/a+b%2Bc/%25+k%C3%A4se.json"))) == (["events/a b+c/% käse.json"], None)
    assert read(message(record("events/%2541.json"))) == (["events/%41.json"], None)


def test_a_key_of_our_own_is_the_same_decoded_or_not():
    assert quote_plus(KEY, safe="/=") == KEY
    assert read(message(record(KEY))) == ([KEY], None)


def test_a_message_wrapped_by_sns_is_unwrapped():
    assert read(sns(message(record()))) == ([KEY], None)


def test_a_key_of_eventbridge_is_not_decoded():
    assert read(eventbridge("events/a+b%41.json")) == (["events/a+b%41.json"], None)
    assert read(sns(eventbridge("events/a+b.json"))) == (["events/a+b.json"], None)
    assert read(eventbridge("events/1.json", "Object Deleted")) == ([], None)


def test_newer_fields_and_minor_versions_are_no_trouble():
    newer = record(version="2.9") | {"glacierEventData": {}, "more": [1]}
    assert read(message(newer)) == ([KEY], None)


def test_another_major_version_is_not_guessed_at():
    assert read(message(record(version="3.0"))) == ([], "invalid_field")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "invalid_json"),
        ("hello", "invalid_json"),
        ('{"Records": [', "invalid_json"),
        ("1" * 5000, "invalid_json"),
        ("[" * 100_000, "too_deep"),
        ("[]", "not_an_object"),
        ("null", "not_an_object"),
        ("{}", "missing_field"),
        ('{"Records": "x"}', "missing_field"),
        ('{"Records": [1]}', "not_an_object"),
        ('{"Records": [{}]}', "missing_field"),
        ('{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": 1}}}]}', "missing_field"),
        ('{"Message": 1, "TopicArn": "t"}', "missing_field"),
        (message(record("events/%FF.json")), "invalid_encoding"),
        (message(record("events/\ud800.json")), "invalid_encoding"),
        (message(record(bucket="\udfff")), "invalid_encoding"),
        (message(record("")), "invalid_field"),
    ],
)
def test_what_nobody_understands_is_told_with_a_reason(body, reason):
    assert read(body) == ([], reason)


def test_envelopes_around_envelopes_have_an_end():
    body = message(record())
    for _ in range(10):
        body = sns(body)
    assert read(body) == ([], "missing_field")


def test_one_odd_record_keeps_none_of_its_neighbours_from_being_heard():
    keys, reason = read(message(record("events/1.json"), {"eventName": 5}, record("events/2.json")))
    assert (keys, reason) == (["events/1.json", "events/2.json"], "missing_field")


def test_a_message_about_another_bucket_is_told_as_it_is():
    heard = NOTIFICATIONS.read("id", message(record("events/a+b.json", bucket="other")))
    assert heard.announcements == (Announcement("other", "events/a b.json"),)


def test_keys_of_a_bucket_with_a_prefix_are_told_without_it():
    within = Notifications(BUCKET, "audit/eu")
    body = message(record("audit/eu/events/1.json"), record("events/2.json"), record("audit/euro/events/3.json"))
    assert read(body, within) == (["events/1.json"], None)


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)


@given(names, names, st.sampled_from(["", "audit", "a b/ü"]))
@settings(deadline=None)
def test_what_is_written_is_read_back(bucket, key, prefix):
    notifications = Notifications(BUCKET, prefix)
    for item in (Announcement(bucket, key), Announcement(BUCKET, key)):
        body = notifications.write(item)
        assert body.isascii()
        assert notifications.read("id", body).announcements == (item,)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "bucket", "object", "key", "name", "eventName", "Message", "detail-type"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
)


@given(st.text() | json_values.map(json.dumps))
@settings(deadline=None)
def test_no_message_makes_it_fail(body):
    heard = NOTIFICATIONS.read("id", body)
    assert heard.unread is None or heard.unread.body == body
