"""A MySQL history whose server and password a secret of AWS Secrets Manager tells, on real ones of both."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from msgspec import Struct

from byline.cli.checks_mysql import mysql_findings
from byline.errors import HistoryError
from byline.history.mysql import MySqlHistory
from byline.history.mysql_source import IamTokens, source_of
from tests.contract.histories import MySqlServer
from tests.emulator import Aws
from tests.emulator import aws as start_aws


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with start_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


class Database(Struct):
    """A migrated history on a server, and the secret that tells of it."""

    aws: Aws
    server: MySqlServer
    secret: str

    def let(self, user: str, password: str) -> None:
        """A user of the database, with this password from now on."""
        self.server.run(
            f"CREATE USER IF NOT EXISTS '{user}'@'%'",
            f"ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON shared.* TO '{user}'@'%'",
        )

    def tell(self, text: str | None = None, **said: object) -> None:
        """What the secret says from now on."""
        url = urlsplit(self.server.emptied())
        whole = {"host": url.hostname, "port": url.port, "dbname": "shared", "engine": "mysql", **said}
        manager = self.aws.client("secretsmanager")
        manager.put_secret_value(SecretId=self.secret, SecretString=text or json.dumps(whole))

    def open(self, query: str = "") -> MySqlHistory:
        return MySqlHistory(f"secret:{self.secret}{query}", environ=self.aws.environ)


@pytest.fixture
def database(aws, server: Callable[[str], MySqlServer]) -> Database:
    secret = aws.client("secretsmanager").create_secret(Name=f"byline/{uuid4()}", SecretString="{}")["ARN"]
    database = Database(aws, server("mariadb"), secret)
    database.let("anna", "one")
    database.tell(username="anna", password="one")
    return database


def test_a_secret_tells_where_the_history_is_and_who_signs_in(database):
    history = database.open()
    assert history.reader.health().objects == 0
    history.close()


def test_the_secret_is_read_once_and_not_for_each_connection(database):
    history = database.open()
    history.reader.health()
    database.tell("gone")
    history.writer.check()
    history.close()


def test_a_password_that_was_changed_is_read_again(database):
    history = database.open()
    history.reader.health()
    database.let("anna", "two")
    database.tell(username="anna", password="two")
    history.close()  # its connections end; the next one is refused, and then is not
    assert history.reader.health().objects == 0
    history.close()


def test_rotation_may_change_the_user_too(database):
    history = database.open()
    history.reader.health()
    database.let("berta", "three")
    database.tell(username="berta", password="three")
    database.let("anna", "locked out")
    history.close()
    assert history.reader.health().objects == 0
    history.close()


def test_a_rotation_that_ends_connections_in_use_costs_no_question(database):
    history = database.open()
    history.reader.health()
    history.writer.check()
    database.let("anna", "two")
    database.tell(username="anna", password="two")
    for (id,) in database.server.run("SELECT id FROM information_schema.processlist WHERE user = 'anna'"):
        database.server.run(f"KILL {id}")
    assert history.reader.health().objects == 0
    history.writer.check()
    history.close()


def test_a_server_that_moved_is_found_again(database):
    """A cluster that was restored from a snapshot has another name, and the secret tells it."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        database.tell(username="anna", password="one", port=nobody.getsockname()[1])
        history = database.open()
        with pytest.raises(HistoryError, match="2003"):
            history.reader.health()
    database.tell(username="anna", password="one")
    assert history.reader.health().objects == 0
    history.close()


def test_a_password_that_stays_wrong_is_told_without_showing_it(database):
    database.tell(username="anna", password="sesame")
    history = database.open()
    with pytest.raises(HistoryError) as caught:
        history.reader.health()
    assert "sesame" not in f"{caught.value}{caught.value.hint}"
    history.close()


@pytest.mark.parametrize(
    "text",
    ["hush", "[]", '"hush"', '{"password": "hush"}', '{"host": 1, "username": 2, "dbname": 3}', '{"port": "hush"}'],
)
def test_a_secret_of_another_shape_is_told_without_showing_it(database, text):
    database.tell(text)
    with pytest.raises(HistoryError) as caught:
        database.open().reader.health()
    assert "hush" not in f"{caught.value}"
    assert "dbname" in caught.value.hint


def test_what_the_secret_leaves_out_the_url_may_say(database):
    url = urlsplit(database.server.emptied())
    database.tell(json.dumps({"username": "anna", "password": "one"}))
    history = database.open(f"?host={url.hostname}&port={url.port}&dbname=shared")
    assert history.reader.health().objects == 0
    history.close()


def test_a_secret_that_is_not_there_or_not_ours_is_told(database):
    with pytest.raises(HistoryError) as caught:
        MySqlHistory("secret:no-such-secret", environ=database.aws.environ).reader.health()
    assert "BYLINE_HISTORY" in caught.value.hint
    iam = database.aws.client("iam")
    name = f"nobody-{uuid4()}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    theirs = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    with pytest.raises(HistoryError) as caught:
        MySqlHistory(f"secret:{database.secret}", environ={**database.aws.environ, **theirs}).reader.health()
    assert "secretsmanager:GetSecretValue" in caught.value.hint


def test_a_token_of_iam_stands_in_for_the_password_and_goes_to_the_server_itself_only(database):
    source = source_of(f"secret:{database.secret}?auth=iam", database.aws.environ)
    assert isinstance(source, IamTokens)
    address = source.sign_in()
    said = parse_qs(address.password.partition("?")[2])
    assert address.password.startswith(f"{address.host}:{address.port}/?")
    assert (said["Action"], said["DBUser"], said["X-Amz-Expires"]) == (["connect"], ["anna"], ["900"])
    history = MySqlHistory(f"secret:{database.secret}?auth=iam", environ=database.aws.environ)
    with pytest.raises(HistoryError):  # MariaDB here shows no certificate that the system trusts
        history.reader.health()
    history.close()


def test_doctor_tells_how_the_database_is_set_up(database):
    history = database.open()
    told = {finding.check: finding for finding in mysql_findings(history)}
    assert {check: finding.mend for check, finding in told.items()} == dict.fromkeys(
        ("database", "database encryption", "database partitions")
    )
    assert "MariaDB" in told["database"].detail
    history.close()


def test_doctor_finds_that_no_month_was_made_for_what_is_to_come(database):
    history = database.open()
    late = {finding.check: finding for finding in mysql_findings(history, now=datetime.now(UTC) + timedelta(days=200))}
    assert "byline migrate" in late["database partitions"].mend
    history.close()
