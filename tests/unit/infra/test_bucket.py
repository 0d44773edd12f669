"""The bucket is the source of truth: nobody reads it in clear or from outside, and nothing in it is lost."""

from __future__ import annotations

from byline.aws.answers import ANSWERS
from byline.bucket.keys import EVENTS
from tests.unit.infra.templates import load, resource, text


def test_what_is_overwritten_or_deleted_is_kept_and_the_bucket_outlives_its_stack() -> None:
    assert resource("EventsBucket")["VersioningConfiguration"] == {"Status": "Enabled"}
    bucket = load()["Resources"]["EventsBucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_public_is_kept_out() -> None:
    assert set(resource("EventsBucket")["PublicAccessBlockConfiguration"].values()) == {True}
    assert resource("EventsBucket")["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_it_is_encrypted_at_rest_and_on_the_wire() -> None:
    assert "AES256" in text(resource("EventsBucket")["BucketEncryption"])
    conditions = [one["Condition"] for one in resource("EventsBucketPolicy")["PolicyDocument"]["Statement"]]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": "1.2"}} in conditions


def test_only_events_are_announced() -> None:
    """What the functions write themselves would otherwise call them again."""
    (one,) = resource("EventsBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert one["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": EVENTS}]
    assert one["Event"] == "s3:ObjectCreated:*"


def test_old_events_move_to_where_they_can_still_be_read_at_once_and_are_never_deleted() -> None:
    rules = {rule.get("Prefix"): rule for rule in resource("EventsBucket")["LifecycleConfiguration"]["Rules"]}
    assert [one["StorageClass"] for one in rules[EVENTS]["Transitions"]] == ["GLACIER_IR"]
    assert not [key for key in rules[EVENTS] if "Expiration" in key]


def test_answers_that_were_laid_there_expire() -> None:
    rules = {rule.get("Prefix"): rule for rule in resource("EventsBucket")["LifecycleConfiguration"]["Rules"]}
    assert rules[ANSWERS]["ExpirationInDays"] == 1
