"""The queue: where a wrong figure loses announcements, or lets them come for ever (AWS Lambda developer guide,
"Using Lambda with Amazon SQS")."""

from __future__ import annotations

from tests.unit.infra.templates import load, resource, resources, text


def test_a_message_stays_in_hand_for_six_times_as_long_as_the_function_may_run() -> None:
    assert resource("Announcements")["VisibilityTimeout"] >= 6 * resource("Processor")["Timeout"]


def test_a_message_gets_five_tries_and_then_rests_longer_than_it_waited() -> None:
    queue, given_up = resource("Announcements"), resource("GivenUp")
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": "GivenUp.Arn"}
    assert given_up["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_no_queue_is_fifo() -> None:
    """S3 cannot send to those."""
    assert not [queue for queue in resources("AWS::SQS::Queue").values() if "FifoQueue" in queue]


def test_queues_are_encrypted() -> None:
    assert all(queue["SqsManagedSseEnabled"] for queue in resources("AWS::SQS::Queue").values())


def test_only_our_bucket_of_our_account_may_announce() -> None:
    allowed, refused = resource("AnnouncementsPolicy")["PolicyDocument"]["Statement"]
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert "events" in text(allowed["Condition"]["ArnEquals"]["aws:SourceArn"])
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_one_message_that_fails_does_not_bring_its_batch_back() -> None:
    source = resource("Processor")["Events"]["Announced"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["MaximumBatchingWindowInSeconds"] >= 1  # a batch above ten needs it


def test_nothing_is_filtered() -> None:
    """A message that fails a filter is deleted."""
    assert "FilterCriteria" not in resource("Processor")["Events"]["Announced"]["Properties"]


def test_the_number_of_processors_is_bounded_as_lambda_allows() -> None:
    bound = load()["Parameters"]["MaximumConcurrency"]
    assert (bound["MinValue"], bound["MaxValue"]) == (2, 1000)
