"""Emulators of object storage, started privately on loopback. A test that needs one which is not there is skipped
by name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
BUCKET = "byline"


class Cloud(NamedTuple):
    """A bucket that answers: its URL, and the variables that lead to it."""

    url: str
    environ: Mapping[str, str]


@contextmanager
def s3(folder: Path) -> Generator[Cloud]:
    """S3 by ministack, which checks signatures; an access key id of twelve digits is an account."""
    program = ROOT / ".venv-aws/bin/ministack"
    if not program.exists():
        pytest.skip("needs the emulator of AWS: make setup-aws")
    port = _free_port()
    environ = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "111111111111",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-central-1",
    }
    server = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": environ["AWS_ACCESS_KEY_ID"],
        "TMPDIR": str(folder),
    }
    with _running([str(program)], port, folder, server):
        create = (
            "import botocore.session; botocore.session.get_session().create_client('s3').create_bucket("
            f"Bucket={BUCKET!r}, CreateBucketConfiguration={{'LocationConstraint': 'eu-central-1'}})"
        )
        everything = {**os.environ, **environ, "AWS_DEFAULT_REGION": environ["AWS_REGION"]}
        subprocess.run([program.with_name("python"), "-c", create], env=everything, check=True)
        yield Cloud(f"s3://{BUCKET}", environ)


@contextmanager
def azure(folder: Path) -> Generator[Cloud]:
    """Azure Blob Storage by Azurite, with the account and key that it is known by."""
    program = shutil.which("azurite-blob", path=f"{ROOT / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("needs the emulator of Azure's storage: npm install --no-save azurite")
    port = _free_port()
    account = "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    environ = {
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{account}",
        "AZURE_STORAGE_ACCOUNT_NAME": account,
        "AZURE_STORAGE_ACCOUNT_KEY": key,
    }
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder), "--silent"]
    with _running([*command, "--skipApiVersionCheck", "--disableTelemetry"], port, folder, {}):
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


@contextmanager
def _running(command: Sequence[str], port: int, folder: Path, environ: Mapping[str, str]) -> Generator[None]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environ}, stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
        try:
            _wait_for(port, process, folder / "server.log")
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"the emulator does not answer: {log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    """Below 32768, where no outgoing connection can sit on it by chance."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")
