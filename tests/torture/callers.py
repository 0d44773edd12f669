"""The example service as a process of its own, under load over HTTP, until it ends or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec import Struct

from examples.shop.people import TOMAS
from examples.shop.sign_in import AUDIENCE, ISSUER, SignIn
from tests.torture.setup import Plan
from tests.torture.work import WORKERS, Request, work

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 120.0


class Called(Struct, frozen=True):
    """The service, by HTTP. Any other answer than the one that is due is an error."""

    client: httpx.Client

    def create(self, request: Request, tags: list[str]) -> int:
        new = {"sku_id": request.id, "title": "Kettle", "price": "0", "inventory": 1, "description": "x" * 200}
        return int(self._call(request, "POST", "", {**new, "tags": tags}, status=201).json()["id"])

    def change(self, request: Request, product: int, description: str) -> None:
        self._call(request, "PATCH", f"/{product}", {"description": description}, status=200)

    def reprice(self, request: Request, prices: Mapping[int, Decimal]) -> None:
        body = {str(product): str(price) for product, price in prices.items()}
        self._call(request, "POST", "/prices", body, status=404 if request.kind == "refused" else 204)

    def delete(self, request: Request, product: int) -> None:
        self._call(request, "DELETE", f"/{product}", None, status=204)

    def _call(self, request: Request, method: str, path: str, body: Any, *, status: int) -> httpx.Response:
        headers = {"request-id": request.id}
        answer = self.client.request(method, f"/products{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer


def call_service(plan: Plan, under: Sequence[str], *, substituted: bool) -> tuple[bool, set[Request]]:
    """Whether it was killed, and the requests that it answered as it should."""
    sign_in = SignIn()
    environ = {
        **os.environ,
        **plan.environ(),
        "SHOP_ISSUER": ISSUER,
        "SHOP_AUDIENCE": AUDIENCE,
        "SHOP_JWKS": sign_in.jwks,
        "PRODUCTS_DATABASE": f"sqlite:///{plan.database}",
        "BYLINE_DATA": str(plan.data),
        "BYLINE_DURABILITY": plan.durability,
    }
    module = "tests.torture.service" if substituted else "examples.product_service"
    with (plan.folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", module],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
    with process:
        try:
            answered = _load(process, plan, sign_in.token(TOMAS))
            _signal(process, signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
        finally:
            _signal(process, signal.SIGKILL)
    return process.returncode == -signal.SIGKILL, answered


def _load(process: subprocess.Popen[str], plan: Plan, token: str) -> set[Request]:
    """What is answered is noted as answered once the answer is here."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:  # killed before it could be called
        return set()
    answered: set[Request] = set()
    failures: list[BaseException] = []
    headers = {"authorization": f"Bearer {token}"}

    def run(worker: int) -> None:
        try:
            with httpx.Client(base_url=line.split()[-1], trust_env=False, timeout=PATIENCE, headers=headers) as client:
                work(Called(client), worker, plan.rounds, answered.add)
        except httpx.TransportError:  # it is gone
            return
        except AssertionError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return answered


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """To strace, which does not mind, and to the service under it."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
