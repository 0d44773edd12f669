"""schemathesis against a running server: every call does what the OpenAPI document says, whatever it is sent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from byline.web import create_app
from tests.web import issuer
from tests.web.served import Byline, an_event, served

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("schemathesis")
SCOPES = "byline:all-accounts byline:admin byline:write"
SECONDS = 120


def test_the_api_is_what_its_description_says(tmp_path: Path) -> None:
    byline = Byline(tmp_path / "byline")
    byline.take(an_event(account_id="alpha"))
    byline.take_bytes(b'{"table_id": "broken"}\n')
    app = create_app(byline.history, byline.bucket, queue=byline.queue, sign_in=issuer.sign_in())
    with served(app) as client:
        token = issuer.token(account_id=None, scope=SCOPES, exp=int(time.time()) + 3600)
        done = subprocess.run(
            [
                str(PROGRAM), "run", str(client.base_url.join("/openapi.json")), "--no-color", "--continue-on-failure",
                "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "10", "--generation-deterministic",
                "--checks", "all", "--exclude-checks", "positive_data_acceptance",
                "--header", f"Authorization: Bearer {token}",
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "tests.acceptance.schemathesis_hooks",
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )  # fmt: skip
    byline.close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 16" in done.stdout
