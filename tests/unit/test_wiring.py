from __future__ import annotations

import subprocess
import sys

import pytest

from byline.bucket.cloud import CloudBucket
from byline.errors import UsageError
from byline.queue.sqlite import SqliteQueue
from byline.settings import Settings
from byline.wiring import open_bucket, open_history, open_queue


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


@pytest.mark.parametrize(
    ("variable", "url", "opens"),
    [
        ("BYLINE_QUEUE", "sqs:https://sqs.eu-central-1.amazonaws.com/1/byline", open_queue),
    ],
)
def test_what_is_not_built_yet_says_so_and_what_works(tmp_path, variable, url, opens):
    with pytest.raises(UsageError, match=f"{variable}.*not built yet") as caught:
        opens(Settings.load(tmp_path, {variable: url}))
    assert "sqlite:///" in caught.value.hint


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
