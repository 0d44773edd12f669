"""The zips: the same bytes whenever they are built, small, and complete on their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra import package
from tests.aws.deploying import HERE
from tests.emulator import VENV

BROUGHT = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What Lambda's Python brings with it."""

LARGEST = 30_000_000

IMPORTS = {
    "processor": "byline.aws.processor, byline.history.mysql, byline.bucket.cloud, byline.queue.sqs, ua_parser_rs",
    "query": "byline.aws.query, byline.history.mysql, byline.bucket.cloud, byline.queue.sqs, jwt, cryptography",
    "admin": "byline.aws.admin, byline.cli.app, byline.cli.doctor, byline.history.mysql, byline.bucket.cloud, "
    "alembic.command, rich",
}
"""What a function loads in its life, the optional things included."""


def test_built_twice_it_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """From sources that nobody edits meanwhile, with dates of their own each time, and with the authorities of RDS."""
    authorities, built = tmp_path / "authorities.pem", []
    authorities.write_text("PEM")
    for name in ("first", "second"):
        source = tmp_path / name / "byline"
        shutil.copytree(package.ROOT / "src/byline" if name == "first" else tmp_path / "first/byline", source)
        for path in source.rglob("*.py"):
            os.utime(path, (len(built), len(built)))
        package.build("processor", HERE, tmp_path / f"{name}.zip", authorities=authorities, source=source)
        built.append((tmp_path / f"{name}.zip").read_bytes())
    assert built[0] == built[1]
    with zipfile.ZipFile(tmp_path / "first.zip") as opened:
        assert opened.read("rds-ca.pem") == b"PEM"


@pytest.mark.parametrize("function", package.FUNCTIONS)
def test_it_is_small(zips: dict[str, Path], function: str) -> None:
    assert zips[function].stat().st_size <= LARGEST


@pytest.mark.parametrize("function", package.FUNCTIONS)
def test_it_holds_no_trace_of_who_built_it_and_when(zips: dict[str, Path], function: str) -> None:
    with zipfile.ZipFile(zips[function]) as opened:
        names = [info.filename for info in opened.infolist()]
        assert {info.date_time for info in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert names == sorted(names)
        assert not [name for name in names if name.endswith(("RECORD", "direct_url.json", "INSTALLER"))]
        compiled = [name for name in names if name.startswith("byline/") and name.endswith(".pyc")]
        assert compiled
        assert not [name for name in compiled if str(package.ROOT).encode() in opened.read(name)]


@pytest.mark.parametrize("function", package.FUNCTIONS)
def test_it_is_complete_on_its_own(zips: dict[str, Path], function: str, tmp_path: Path, record_property) -> None:
    """In an interpreter that sees nothing but the zip and what Lambda brings: the handler, and all that it loads."""
    runtime, task = tmp_path / "runtime", tmp_path / "task"
    runtime.mkdir()
    (site,) = (VENV / "lib").glob("python*/site-packages")
    for name in BROUGHT:
        found = site / name if (site / name).exists() else site / f"{name}.py"
        (runtime / found.name).symlink_to(found)
    with zipfile.ZipFile(zips[function]) as opened:
        opened.extractall(task)
    code = f"import sys, time; sys.path[:0] = [{str(task)!r}, {str(runtime)!r}]; t = time.perf_counter(); import {{}}"
    told = "; print(round((time.perf_counter() - t) * 1000))"
    handler = f"byline.aws.{function}"
    milliseconds = sorted(int(_alone(code.format(handler) + told, tmp_path)) for _ in range(3))[1]
    record_property(
        f"{function}", f"{zips[function].stat().st_size / 1e6:.1f} MB, imported in {milliseconds} ms (median of 3)"
    )
    _alone(code.format(IMPORTS[function]), tmp_path)


def _alone(code: str, folder: Path) -> str:
    environ = {
        "BYLINE_BUCKET": "s3://bucket",
        "BYLINE_QUEUE": "sqs:https://sqs.eu-central-1.amazonaws.com/111111111111/queue",
        "BYLINE_HISTORY": "mysql://byline@localhost/byline",
        "BYLINE_DATA": str(folder),
        "AWS_REGION": "eu-central-1",
    }
    done = subprocess.run(
        [VENV / "bin/python", "-I", "-S", "-c", code],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
