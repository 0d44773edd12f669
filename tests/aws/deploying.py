"""How the stack gets onto the emulator: everything that it needs is started, and it is deployed once."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from infra import package
from tests import emulator
from tests.aws import certificate
from tests.aws.issuer import AUDIENCE, Issuer, issuer
from tests.aws.stack import ARCHITECTURE, CODE, RELEASE, Stack, eventually
from tests.databases import mariadb

FIRST = (emulator.ROOT / "examples/event.json").read_bytes().replace(b"products_master", b"first")

HERE = package.Target("here", str(emulator.VENV / "bin/python"))
"""What zips are built for that the emulator runs: its own interpreter."""


def build(folder: Path) -> None:
    """All the zips."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda function: package.build(function, HERE, folder / f"{function}.zip"), package.FUNCTIONS))


@contextmanager
def deploy(folder: Path, zips: Mapping[str, Path]) -> Generator[Stack]:
    """Deployed, with the tables of its history made, and nothing in it."""
    with ExitStack() as running:
        made = certificate.make(folder)
        tls = {
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(made.certificate),
            "MINISTACK_SSL_KEY": str(made.key),
            "SSL_CERT_FILE": str(made.authorities),
            "AWS_CA_BUNDLE": str(made.authorities),
        }
        url = running.enter_context(mariadb())
        who = running.enter_context(issuer())
        with _port_443_taken():
            aws = running.enter_context(emulator.aws(folder, moved=True, environ=tls))
        aws = aws._replace(endpoint=aws.endpoint.replace("http:", "https:"))
        deployed = Stack(aws, made.authorities, who, url, folder)
        running.callback(deployed.close)
        parameters = _parameters(deployed, who, url, folder)
        started = time.monotonic()
        deployed.deploy(zips, parameters)
        migrated = deployed.run("migrate")
        assert migrated["status"] == 0, migrated
        deployed.put("events/first.json", FIRST)
        everyone = who.token(scope="byline:all-accounts")
        eventually(lambda: deployed.rows(table_id="first", token=everyone))
        deployed.first_row_seconds = time.monotonic() - started
        deployed.doctor = deployed.run("doctor")
        yield deployed


@contextmanager
def _port_443_taken() -> Generator[None]:
    """With TLS the emulator would take it beside its own port; it is nobody's here."""
    with socket.socket() as held:
        with contextlib.suppress(OSError):
            held.bind(("127.0.0.1", 443))
            held.listen()
        yield


def _parameters(deployed: Stack, who: Issuer, database: str, folder: Path) -> dict[str, str]:
    url = make_url(database)
    secret = {
        "host": url.host,
        "port": url.port,
        "username": url.username,
        "password": url.password,
        "dbname": url.database,
    }
    arn = deployed.client("secretsmanager").create_secret(Name="history", SecretString=json.dumps(secret))["ARN"]
    return {
        "CodeBucket": CODE,
        "Release": RELEASE,
        "Architecture": ARCHITECTURE,
        "JwtIssuer": who.url,
        "JwtAudience": AUDIENCE,
        "JwtKeys": who.jwks,
        "HistorySecret": arn,
        "DataFolder": str(folder / "data"),
    }
