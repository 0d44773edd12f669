from __future__ import annotations

import json
import subprocess
import sys

import pytest

from byline.bucket.cloud import CloudBucket
from byline.errors import UsageError
from byline.history.mysql import MySqlHistory
from byline.queue.port import Announcement
from byline.queue.sqlite import SqliteQueue
from byline.queue.sqs import SqsQueue
from byline.settings import Settings
from byline.wiring import notifications_of, open_bucket, open_history, open_queue


def test_a_cloud_s_url_opens_a_bucket_there(tmp_path):
    environ = {"BYLINE_BUCKET": "s3://audit/prefix", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    bucket = open_bucket(Settings.load(tmp_path, environ))
    assert isinstance(bucket, CloudBucket)
    assert bucket.name == "audit"


def test_the_queue_s_settings_reach_the_queue(tmp_path):
    environ = {"BYLINE_QUEUE_MAX_RECEIVES": "1", "BYLINE_QUEUE": f"sqlite:///{tmp_path}/other.db"}
    queue = open_queue(Settings.load(tmp_path, environ))
    assert isinstance(queue, SqliteQueue)
    assert (tmp_path / "other.db").exists()
    queue.close()


def test_the_history_is_opened_with_its_three_halves(tmp_path):
    history = open_history(Settings.load(tmp_path, {}))
    history.writer.migrate()
    assert history.writer.taken(["events/none.json"]) == set()
    assert history.reader.health().objects == 0
    assert list(history.dead_letters.list()) == []
    history.close()


def test_a_queue_of_sqs_is_opened_without_asking_anyone(tmp_path):
    url = "https://sqs.eu-central-1.amazonaws.com/111111111111/byline"
    queue = open_queue(Settings.load(tmp_path, {"BYLINE_QUEUE": f"sqs:{url}"}))
    assert isinstance(queue, SqsQueue)
    queue.close()


@pytest.mark.parametrize(
    ("bucket", "key", "whole"),
    [
        ("s3://audit", "events/1.json", "events/1.json"),
        ("s3://audit/eu/", "events/1.json", "eu/events/1.json"),
        ("file:///var/audit", "events/1.json", "events/1.json"),
    ],
)
def test_messages_name_an_object_by_its_whole_key(tmp_path, bucket, key, whole):
    settings = Settings.load(tmp_path, {"BYLINE_BUCKET": bucket})
    ours = open_bucket(settings).name
    notifications = notifications_of(settings)
    body = notifications.write(Announcement(ours, key))
    assert json.loads(body)["Records"][0]["s3"]["object"]["key"] == whole
    assert notifications.read("id", body).announcements == (Announcement(ours, key),)


@pytest.mark.parametrize(
    "url", ["secret:byline/history", "secret:arn:aws:secretsmanager:eu-central-1:1:secret:byline?tls=on"]
)
def test_a_history_that_a_secret_names_is_opened_without_asking_anyone(tmp_path, url):
    history = open_history(Settings.load(tmp_path, {"BYLINE_HISTORY": url}))
    assert isinstance(history, MySqlHistory)
    history.close()


@pytest.mark.parametrize(
    "url",
    [
        "secret:byline?tsl=on",
        "secret:byline?auth=kerberos",
        "mysql://byline@db/byline?auth=kerberos",
        "mysql://byline@db/byline?auth=iam&tls=on",
    ],
)
def test_a_history_that_cannot_be_meant_is_refused_before_anyone_is_asked(tmp_path, url):
    with pytest.raises(UsageError):
        open_history(Settings.load(tmp_path, {"BYLINE_HISTORY": url}))


def test_an_implementation_is_imported_only_when_its_url_asks_for_it(tmp_path):
    script = f"""
import sys
from pathlib import Path
from byline.settings import Settings
from byline.wiring import open_bucket, open_queue
ports = ("byline.bucket.", "byline.queue.", "byline.history.")
assert not any(name.startswith(ports) and name.endswith((".sqlite", ".folder", ".cloud")) for name in sys.modules)
settings = Settings.load(Path({str(tmp_path)!r}), {{}})
open_bucket(settings)
open_queue(settings).close()
heavy = {{"obstore", "sqlalchemy", "alembic", "boto3", "fastapi"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_queue_of_sqs_without_boto3_is_told_in_a_line(tmp_path):
    program = "import sys; sys.modules['boto3'] = None; from byline.cli import run; sys.exit(run(['process']))"
    environ = {"BYLINE_DATA": str(tmp_path), "BYLINE_QUEUE": "sqs:https://sqs.eu-central-1.amazonaws.com/1/byline"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "byline: sqs of AWS needs the library boto3. Install it: pip install 'byline[server,aws]'.\n"
    )
