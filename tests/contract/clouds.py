"""Emulators of object storage, started privately on loopback. A test that needs one which is not there is skipped
by name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.emulator import REGION, aws, free_port, running

ROOT = Path(__file__).parents[2]
BUCKET = "byline"


class Cloud(NamedTuple):
    """A bucket that answers: its URL, and the variables that lead to it."""

    url: str
    environ: Mapping[str, str]


@contextmanager
def s3(folder: Path) -> Generator[Cloud]:
    """S3 by ministack, which checks signatures; an access key id of twelve digits is an account."""
    with aws(folder) as emulator:
        where = {"LocationConstraint": REGION}
        emulator.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        yield Cloud(f"s3://{BUCKET}", emulator.environ)


@contextmanager
def azure(folder: Path) -> Generator[Cloud]:
    """Azure Blob Storage by Azurite, with the account and key that it is known by."""
    program = shutil.which("azurite-blob", path=f"{ROOT / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("needs the emulator of Azure's storage: npm install --no-save azurite")
    port = free_port()
    account = "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    environ = {
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{account}",
        "AZURE_STORAGE_ACCOUNT_NAME": account,
        "AZURE_STORAGE_ACCOUNT_KEY": key,
    }
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder), "--silent"]
    with running([*command, "--skipApiVersionCheck", "--disableTelemetry"], port, folder / "server.log", {}):
        _create_container(environ["AZURE_STORAGE_ENDPOINT"], account, key)
        yield Cloud(f"az://{BUCKET}", environ)


def _create_container(endpoint: str, account: str, key: str) -> None:
    """One signed request, as Azure's "Authorize with Shared Key" describes it: obstore makes no containers."""
    headers = {"x-ms-date": format_datetime(datetime.now(UTC), usegmt=True), "x-ms-version": "2021-08-06"}
    canonical = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    text = "PUT" + "\n" * 12 + canonical + f"/{account}/{account}/{BUCKET}\nrestype:container"
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)).decode()
    headers |= {"Authorization": f"SharedKey {account}:{signature}", "Content-Length": "0"}
    request = urllib.request.Request(f"{endpoint}/{BUCKET}?restype=container", method="PUT", headers=headers)
    urllib.request.urlopen(request).close()
