"""``byline doctor`` against AWS: each thing is broken for real, found, and told with its mend."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from uuid import uuid4

import pytest
from msgspec import Struct

from byline.cli.asking import Finding
from byline.cli.checks_s3 import s3_findings
from byline.cli.checks_sqs import sqs_findings
from byline.settings import Settings
from tests.acceptance.running import run
from tests.emulator import ACCOUNT, REGION, Aws, Queues, queue_arn, sqs_queues
from tests.emulator import aws as start_aws


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with start_aws(tmp_path_factory.mktemp("aws"), moved=True) as aws:
        yield aws


class Stack(Struct):
    """A bucket and a queue as they should be, to be broken."""

    aws: Aws
    bucket: str
    urls: Queues
    arn: str
    settings: Settings

    def findings(self, **settings: object) -> dict[str, Finding]:
        """What is wrong, or not known, by check."""
        told = dataclasses.replace(self.settings, **settings)
        every = [*s3_findings(told), *sqs_findings(told)]
        return {finding.check: finding for finding in every if finding.mend is not None}

    def notify(self, *configurations: dict) -> None:
        self.aws.client("s3").put_bucket_notification_configuration(
            Bucket=self.bucket,
            NotificationConfiguration={"QueueConfigurations": list(configurations)},
            SkipDestinationValidation=True,
        )

    def set_queue(self, url: str | None = None, **attributes: str) -> None:
        self.aws.client("sqs").set_queue_attributes(QueueUrl=url or self.urls.queue, Attributes=attributes)

    def allow(self, *, action: str = "sqs:SendMessage", beside: Sequence[dict] = (), **condition: object) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": action,
            "Resource": self.arn,
            "Condition": condition,
        }
        self.set_queue(Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement, *beside]}))

    def allow_as_it_should_be(self) -> None:
        self.allow(
            ArnEquals={"aws:SourceArn": f"arn:aws:s3:::{self.bucket}"}, StringEquals={"aws:SourceAccount": ACCOUNT}
        )

    def announcing(self, **more: object) -> dict:
        rules = [{"Name": "prefix", "Value": "events/"}]
        return {
            "QueueArn": self.arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": rules}},
            **more,
        }


@pytest.fixture
def stack(aws, tmp_path) -> Stack:
    aws.set_clock(0)
    name = f"audit-{uuid4()}"
    s3, sqs = aws.client("s3"), aws.client("sqs")
    urls = sqs_queues(sqs, name, visibility=360)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(FOUR, True))
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    environ = {
        **aws.environ,
        "BYLINE_DATA": str(tmp_path),
        "BYLINE_BUCKET": f"s3://{name}",
        "BYLINE_QUEUE": f"sqs:{urls.queue}",
    }
    stack = Stack(aws, name, urls, queue_arn(sqs, urls.queue), Settings.load(environ=environ))
    stack.allow_as_it_should_be()
    stack.notify(stack.announcing())
    return stack


FOUR = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def test_a_stack_as_it_should_be_has_no_problem(stack):
    assert stack.findings() == {}


def test_a_bucket_without_versioning_is_found(stack):
    stack.aws.client("s3").put_bucket_versioning(Bucket=stack.bucket, VersioningConfiguration={"Status": "Suspended"})
    assert stack.findings().keys() == {"bucket versioning"}


@pytest.mark.parametrize("hole", FOUR)
def test_a_bucket_that_could_be_opened_to_the_public_is_found(stack, hole):
    blocked = {name: name != hole for name in FOUR}
    stack.aws.client("s3").put_public_access_block(Bucket=stack.bucket, PublicAccessBlockConfiguration=blocked)
    found = stack.findings()
    assert found.keys() == {"bucket access"}
    assert hole in found["bucket access"].detail


def test_a_bucket_on_which_nothing_keeps_the_public_out_is_found(stack):
    stack.aws.client("s3").delete_public_access_block(Bucket=stack.bucket)
    assert stack.findings().keys() == {"bucket access"}


@pytest.mark.parametrize("kind", ["AES256", "aws:kms"])
def test_it_is_told_how_objects_are_encrypted(stack, kind):
    """S3 itself encrypts every new object since 2023, so there is nothing to break."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": kind}}
    stack.aws.client("s3").put_bucket_encryption(
        Bucket=stack.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    (told,) = [one for one in s3_findings(stack.settings) if one.check == "bucket encryption"]
    assert (told.mend, kind in told.detail) == (None, True)


def test_a_bucket_that_announces_nothing_is_found(stack):
    stack.notify()
    assert stack.findings().keys() == {"notification"}


def test_a_bucket_that_announces_to_another_queue_is_found(stack):
    other = sqs_queues(stack.aws.client("sqs"), str(uuid4())).queue
    stack.notify(stack.announcing(QueueArn=queue_arn(stack.aws.client("sqs"), other)))
    assert stack.findings().keys() == {"notification"}


@pytest.mark.parametrize(
    "more",
    [
        {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "event/"}]}}},
        {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "events/shop/"}]}}},
        {"Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".json"}]}}},
        {"Events": ["s3:ObjectRemoved:*"]},
        {"Events": ["s3:ObjectCreated:Put"]},
    ],
)
def test_a_notification_that_leaves_out_some_objects_is_found(stack, more):
    stack.notify(stack.announcing(**more))
    assert stack.findings().keys() == {"notification"}


def test_a_notification_for_the_wrong_prefix_of_the_bucket_is_found(stack):
    assert stack.findings(bucket=f"s3://{stack.bucket}/audit").keys() == {"notification"}


def test_a_notification_of_everything_is_no_problem(stack):
    whole = stack.announcing()
    del whole["Filter"]
    stack.notify(whole)
    assert stack.findings() == {}


def test_a_queue_to_which_s3_may_not_send_is_found(stack):
    stack.set_queue(Policy="")
    assert stack.findings().keys() == {"queue policy"}
    stack.allow(ArnEquals={"aws:SourceArn": "arn:aws:s3:::another"}, StringEquals={"aws:SourceAccount": ACCOUNT})
    assert stack.findings().keys() == {"queue policy"}


@pytest.mark.parametrize("left", ["SourceArn", "SourceAccount"])
def test_a_queue_to_which_anybody_s_bucket_may_send_is_found(stack, left):
    if left == "SourceArn":
        stack.allow(StringEquals={"aws:SourceAccount": ACCOUNT})
    else:
        stack.allow(ArnLike={"aws:SourceArn": f"arn:aws:s3:::{stack.bucket[:10]}*"})
    found = stack.findings()
    assert found.keys() == {"queue policy"}
    assert left in found["queue policy"].detail


def test_one_strict_grant_does_not_hide_a_loose_one_beside_it(stack):
    loose = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": stack.arn}
    stack.allow(
        beside=[loose],
        ArnEquals={"aws:SourceArn": f"arn:aws:s3:::{stack.bucket}"},
        StringEquals={"aws:SourceAccount": ACCOUNT},
    )
    assert stack.findings().keys() == {"queue policy"}


@pytest.mark.parametrize("arn", ["arn:aws:s3:*:*:{}", "arn:*:s3:::{}", "arn:aws:s3:::*", "*"])
def test_a_grant_that_is_written_in_another_way_is_no_problem(stack, arn):
    """The first as in the user guide of Amazon S3, "Walkthrough: configuring a bucket for notifications"."""
    stack.allow(ArnLike={"aws:SourceArn": arn.format(stack.bucket)}, StringEquals={"aws:SourceAccount": ACCOUNT})
    assert stack.findings() == {}


@pytest.mark.parametrize("action", ["SQS:SendMessage", "sqs:Send*", "sqs:*"])
def test_an_action_may_hold_stars(stack, action):
    stack.allow(
        action=action,
        ArnEquals={"aws:SourceArn": f"arn:aws:s3:::{stack.bucket}"},
        StringEquals={"aws:SourceAccount": ACCOUNT},
    )
    assert stack.findings() == {}


def test_a_queue_without_a_dead_letter_queue_is_found(stack):
    stack.set_queue(RedrivePolicy="")
    assert stack.findings().keys() == {"dead-letter queue"}


def redrive(stack: Stack, **more: object) -> str:
    arn = queue_arn(stack.aws.client("sqs"), stack.urls.dead)
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5, **more})


def test_a_queue_that_gives_up_too_soon_is_found(stack):
    stack.set_queue(RedrivePolicy=redrive(stack, maxReceiveCount=2))
    found = stack.findings()
    assert found.keys() == {"dead-letter queue"}
    assert "2 tries" in found["dead-letter queue"].detail


def test_a_dead_letter_queue_that_forgets_before_the_queue_does_is_found(stack):
    stack.set_queue(MessageRetentionPeriod="1209600")
    found = stack.findings()
    assert found.keys() == {"dead-letter queue"}
    assert "MessageRetentionPeriod" in found["dead-letter queue"].mend


def test_messages_that_were_given_up_are_found(stack):
    stack.aws.client("sqs").send_message(QueueUrl=stack.urls.dead, MessageBody="{}")
    found = stack.findings()
    assert found.keys() == {"dead-letter queue"}
    assert "byline dead-letters" in found["dead-letter queue"].mend


def test_a_visibility_timeout_that_is_too_short_is_found(stack):
    stack.set_queue(VisibilityTimeout="10")
    assert stack.findings().keys() == {"visibility timeout"}


def test_a_clock_that_is_off_is_found(stack):
    stack.aws.set_clock(90)
    found = stack.findings()
    assert found.keys() == {"clock"}
    assert "NTP" in found["clock"].mend


def test_what_this_role_may_not_see_is_unknown_and_not_well(stack):
    iam = stack.aws.client("iam")
    name = f"nobody-{uuid4()}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    theirs = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    found = stack.findings(environ={**stack.aws.environ, **theirs})
    assert all(finding.unknown for finding in found.values())
    assert found["bucket versioning"].mend == "Let this role do it: s3:GetBucketVersioning."
    assert found["queue policy"].mend == "Let this role do it: sqs:GetQueueAttributes."
    assert found.keys() >= {"bucket access", "bucket encryption", "clock", "notification", "dead-letter queue"}


def test_a_queue_or_a_bucket_that_is_not_there_is_told(stack):
    found = stack.findings(queue=f"sqs:{stack.aws.endpoint}/{ACCOUNT}/none", bucket="s3://no-such-bucket-of-ours")
    assert "no queue" in found["queue policy"].detail
    assert found["bucket versioning"].unknown


def test_the_command_tells_all_of_it(stack, tmp_path):
    stack.set_queue(RedrivePolicy="")
    environ = {
        **stack.aws.environ,
        "BYLINE_DATA": str(tmp_path),
        "BYLINE_BUCKET": f"s3://{stack.bucket}",
        "BYLINE_QUEUE": f"sqs:{stack.urls.queue}",
    }
    done = run("doctor", "--json", cwd=tmp_path, **environ)
    told = {one["check"]: one["ok"] for one in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert told.items() >= {
        ("bucket versioning", True),
        ("notification", True),
        ("queue policy", True),
        ("dead-letter queue", False),
    }
