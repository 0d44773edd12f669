"""What only the queue on SQS does; what every queue does is in test_queue.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from msgspec import Struct

from byline.bucket.cloud import CloudBucket
from byline.errors import QueueError, UsageError
from byline.history.sqlite import SqliteHistory
from byline.processor import Processor
from byline.processor.dead_letters import DeadLetterBox
from byline.queue.notification import Notifications
from byline.queue.port import Announcement, Depth
from byline.queue.sqs import SqsQueue
from tests.acceptance.running import run, serving
from tests.acceptance.samples import line, lines
from tests.contract.faults import Faults, proxy
from tests.emulator import ACCOUNT, REGION, Aws, Queues, queue_arn, sqs_queues
from tests.emulator import aws as start_aws

EVENTS = "events/micro_service_name=catalogue/date=2024-02-03/hour=04"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with start_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


class Road(Struct):
    """A bucket of S3 that announces its objects to a queue of SQS, and a history."""

    aws: Aws
    name: str
    bucket: CloudBucket
    urls: Queues
    queue: SqsQueue
    history: SqliteHistory
    settings: dict[str, str]

    def put(self, key: str, data: bytes) -> None:
        """As another program would: without any announcement."""
        self.aws.client("s3").put_object(Bucket=self.name, Key=key, Body=data)

    def send(self, body: str) -> None:
        self.aws.client("sqs").send_message(QueueUrl=self.urls.queue, MessageBody=body)

    def give_up(self) -> None:
        """Let every message that waits be received too often."""
        for _ in range(2):
            self.queue.release(self.queue.receive())
        assert self.queue.receive() == []

    @property
    def processor(self) -> Processor:
        return Processor(self.bucket, self.queue, self.history, retry_after=0.0)

    def reasons(self) -> dict[str, str]:
        box = DeadLetterBox(self.bucket, self.queue, self.history)
        return {letter.key: letter.reason for letter in box.letters()}


@pytest.fixture
def road(aws, tmp_path) -> Iterator[Road]:
    name = f"byline-{uuid4()}"
    urls = sqs_queues(aws.client("sqs"), name, max_receives=2)
    connect(aws, name, urls.queue)
    history = SqliteHistory(tmp_path / "history.db")
    history.writer.migrate()
    queue = SqsQueue(urls.queue, aws.environ, notifications=Notifications(name), poll=0)
    settings = {
        **aws.environ,
        "BYLINE_DATA": str(tmp_path),
        "BYLINE_BUCKET": f"s3://{name}",
        "BYLINE_QUEUE": f"sqs:{urls.queue}",
    }
    yield Road(aws, name, CloudBucket(f"s3://{name}", aws.environ), urls, queue, history, settings)
    queue.close()
    history.close()


def connect(aws: Aws, bucket: str, queue: str) -> None:
    """A bucket that announces to the queue."""
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    arn = queue_arn(sqs, queue)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )


def test_what_s3_announces_is_received_under_the_key_that_was_put(road):
    key = "events/a b+ü/%41 {1}.json"
    road.put(key, b"{}")
    keys = [item for delivery in road.queue.receive() for item in delivery.announcements]
    assert keys == [Announcement(road.name, key)]


def test_an_object_goes_from_the_bucket_to_the_history_without_anyone_announcing_it(road):
    road.put(f"{EVENTS}/1.ndjson", lines(range(20)))
    road.put("dismissals/none.json", b"{}")
    counts = road.processor.run()
    assert (counts.objects, counts.events, counts.dead_letters) == (1, 20, 0)
    assert road.queue.depth() == Depth(0, 0, 0)


def test_a_bucket_s_prefix_is_on_the_wire_and_nowhere_else(road):
    notifications = Notifications(road.name, "audit")
    bucket = CloudBucket(f"s3://{road.name}/audit", road.aws.environ)
    queue = SqsQueue(road.urls.queue, road.aws.environ, notifications=notifications, poll=0)
    bucket.put(f"{EVENTS}/1.json", line(1))
    road.put(f"{EVENTS}/2.json", line(2))
    queue.announce([Announcement(bucket.name, f"{EVENTS}/1.json")])
    assert Processor(bucket, queue, road.history).run().events == 1
    assert road.history.writer.taken({f"{EVENTS}/1.json", f"{EVENTS}/2.json"}) == {f"{EVENTS}/1.json"}
    assert queue.depth() == Depth(0, 0, 0)
    queue.close()


def test_a_message_that_nobody_understands_becomes_a_dead_letter_and_never_comes_back(road):
    road.send("hello?")
    road.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))
    assert road.processor.run().dead_letters == 1
    ((key, reason),) = road.reasons().items()
    assert (key.startswith("messages/"), reason) == (True, "invalid_json")
    assert road.queue.depth() == Depth(0, 0, 0)


def test_one_that_the_queue_gave_up_before_anyone_could_say_so_is_a_dead_letter_all_the_same(road):
    """The history was away for as long as that took."""
    road.send("[]")
    road.give_up()
    road.processor.sweep()
    assert list(road.reasons().values()) == ["not_an_object"]
    assert road.queue.depth() == Depth(0, 0, 0)


def test_what_the_queue_gave_up_is_a_dead_letter_until_it_is_replayed(road):
    road.put(f"{EVENTS}/1.json", line(1))
    road.give_up()
    assert road.reasons() == {f"{EVENTS}/1.json": "gave_up"}
    assert road.processor.sweep() == 0
    box = DeadLetterBox(road.bucket, road.queue, road.history)
    (letter,) = box.letters()
    assert [replayed.accepted for replayed in box.replay([letter.id])] == [True]
    assert (road.reasons(), road.queue.depth()) == ({}, Depth(0, 0, 0))


def test_what_nobody_understands_beside_an_object_is_kept_when_a_replay_settles_the_object(road):
    road.put(f"{EVENTS}/1.json", line(1))
    (announced,) = json.loads(Notifications().write(Announcement(road.name, f"{EVENTS}/1.json")))["Records"]
    road.send(json.dumps({"Records": [announced, {"eventName": 5}]}))
    road.give_up()
    box = DeadLetterBox(road.bucket, road.queue, road.history)
    (letter,) = box.letters()
    assert [replayed.accepted for replayed in box.replay([letter.id])] == [True]
    assert list(road.reasons().values()) == ["missing_field"]
    assert road.queue.depth() == Depth(0, 0, 0)


def test_looking_at_dead_messages_leaves_them_for_the_next_who_looks(road):
    road.queue.acknowledge(road.queue.receive())  # S3's test event
    road.queue.announce(Announcement(road.name, f"events/{n}.json") for n in range(23))
    while held := road.queue.receive():
        road.queue.release(held)
    seen = [road.queue.dead() for _ in range(3)]
    assert len(seen[0]) == 23
    assert sorted(one.id for one in seen[0]) == sorted(one.id for one in seen[1])
    assert {one.receive_count for dead in seen for one in dead} == {2}


def test_a_queue_without_a_dead_letter_queue_has_no_dead_messages(aws):
    url = aws.client("sqs").create_queue(QueueName=str(uuid4()))["QueueUrl"]
    queue = SqsQueue(url, aws.environ, poll=0)
    queue.announce([Announcement("b", "events/1.json")])
    assert (queue.dead(), queue.redrive(["x"]), queue.depth()) == ([], 0, Depth(1, 0, 0))
    queue.close()


def test_the_commands_work_on_s3_and_sqs(road, tmp_path):
    file = tmp_path / "events.ndjson"
    file.write_bytes(lines(range(10)))
    assert run("put", str(file), cwd=tmp_path, **road.settings).returncode == 0
    done = run("process", "--json", cwd=tmp_path, **road.settings)
    assert (done.returncode, json.loads(done.stdout)["events"]) == (0, 10), done.stderr


def test_a_server_follows_a_queue_of_sqs(road, tmp_path):
    with serving("serve", cwd=tmp_path, **road.settings) as server:
        road.put(f"{EVENTS}/1.ndjson", lines(range(5)))
        assert len(server.wait_for("/v1/events", 5)) == 5


# ---- When AWS does not answer, or not as it should -------------------------------------------------------------------


@pytest.fixture
def faults(aws) -> Iterator[Faults]:
    with proxy(aws.endpoint) as faults:
        yield faults


@pytest.fixture
def behind(aws, faults) -> Iterator[SqsQueue]:
    """A queue whose calls may fail."""
    url = sqs_queues(aws.client("sqs"), str(uuid4()), max_receives=2).queue.replace(aws.endpoint, faults.endpoint)
    queue = SqsQueue(url, {**aws.environ, "AWS_ENDPOINT_URL": faults.endpoint}, poll=0)
    yield queue
    queue.close()


@pytest.mark.parametrize("fault", ["throttled", "unavailable", "lost"])
def test_a_call_that_fails_for_the_moment_is_made_again(behind, faults, fault):
    faults.next = [fault]
    behind.announce([Announcement("b", "events/1.json")])
    faults.next = [fault]
    (delivery,) = behind.receive()
    faults.next = [fault]
    behind.acknowledge([delivery])
    assert behind.depth() == Depth(0, 0, 0)


def test_an_announcement_whose_answer_was_lost_is_made_twice_rather_than_never(behind, faults):
    faults.next = ["unheard"]
    behind.announce([Announcement("b", "events/1.json")])
    assert behind.depth().waiting == 2


@pytest.mark.parametrize("fault", ["empty", "page"])
def test_what_the_queue_does_not_say_it_has_was_not_taken(behind, faults, fault):
    """A proxy in between that answers 200 with something of its own."""
    faults.all = fault
    with pytest.raises(QueueError):
        behind.announce([Announcement("b", "events/1.json")])


def test_a_dead_message_is_never_lost_on_its_way_back(behind, faults):
    """The connection ends for good between sending it again and deleting it."""
    behind.announce([Announcement("b", "events/1.json")])
    for _ in range(2):
        behind.release(behind.receive())
    assert behind.receive() == []
    (dead,) = behind.dead()
    faults.calls.clear()

    def cut(_: object = None) -> str | None:
        return "lost" if "DeleteMessageBatch" in faults.calls else None

    faults.take = cut
    with pytest.raises(QueueError):
        behind.redrive([dead.id])
    faults.take = lambda: None
    assert behind.depth().waiting == 1


def test_a_queue_that_never_answers_is_said_to_be_down_and_what_to_check(behind, faults):
    faults.all = "lost"
    with pytest.raises(QueueError) as caught:
        behind.depth()
    assert "\n" not in str(caught.value)
    assert "AWS_ENDPOINT_URL" in caught.value.hint


def test_a_queue_that_is_not_there_is_said_to_be_missing(aws):
    queue = SqsQueue(f"{aws.endpoint}/{ACCOUNT}/none", aws.environ)
    with pytest.raises(QueueError) as caught:
        queue.depth()
    assert "BYLINE_QUEUE" in caught.value.hint


@pytest.fixture
def stranger(aws) -> dict[str, str]:
    """Credentials of somebody who may do nothing."""
    iam = aws.client("iam")
    name = f"nobody-{uuid4()}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {**aws.environ, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def test_a_role_that_may_not_is_told_which_rights_it_needs(road, stranger):
    with pytest.raises(QueueError) as caught:
        SqsQueue(road.urls.queue, stranger).receive()
    assert "sqs:ReceiveMessage" in caught.value.hint


def test_wrong_credentials_are_said_to_be_wrong(road, stranger):
    with pytest.raises(QueueError) as caught:
        SqsQueue(road.urls.queue, {**stranger, "AWS_SECRET_ACCESS_KEY": "another"}).depth()
    assert "credentials" in caught.value.hint


def test_a_url_without_a_region_needs_one_to_be_told():
    queue = SqsQueue("https://queues.example/1/byline", {})
    with pytest.raises(UsageError) as caught:
        queue.depth()
    assert caught.value.hint == "Set AWS_REGION."
