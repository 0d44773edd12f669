"""Starts the whole shop: two services and a worker, each a process of its own, on free loopback ports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec import Struct

from examples.shop.people import Person
from examples.shop.sign_in import AUDIENCE, ISSUER, SignIn

HERE: Final = Path(__file__).parents[2]
"""The folder in which ``examples`` lies."""
PATIENCE: Final = 30.0
"""Seconds that a process gets to end when told to."""

Processes = dict[str, subprocess.Popen[str]]


class Shop(Struct, frozen=True):
    """A shop that is open."""

    products: str
    """The address of the product service."""
    orders: str
    sign_in: SignIn
    client: httpx.Client
    processes: Processes

    def call(
        self, who: Person, method: str, url: str, *, request_id: str | None = None, body: Any = None
    ) -> httpx.Response:
        """One request, as the shop's gateway passes it on."""
        headers = {
            "authorization": f"Bearer {self.sign_in.token(who)}",
            "user-agent": who.agent,
            "x-forwarded-for": who.ip_address,
        }
        if request_id is not None:
            headers["request-id"] = request_id
        return self.client.request(method, url, json=body, headers=headers)


@contextmanager
def open_shop(folder: Path, environ: Mapping[str, str] = os.environ) -> Iterator[Shop]:
    """The shop, with its databases in ``folder``, until the end of the block. ``environ`` holds the settings of
    Byline."""
    sign_in = SignIn()
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        **environ,
        "SHOP_ISSUER": ISSUER,
        "SHOP_AUDIENCE": AUDIENCE,
        "SHOP_JWKS": sign_in.jwks,
        "PRODUCTS_DATABASE": f"sqlite:///{folder / 'products.db'}",
        "ORDERS_DATABASE": f"sqlite:///{folder / 'orders.db'}",
    }
    processes: Processes = {}
    with ExitStack() as ending:
        ending.callback(_end, processes)
        products = _address(_start(processes, "examples.product_service", settings))
        orders = _address(_start(processes, "examples.order_service", settings | {"PRODUCTS_URL": products}))
        _start(processes, "examples.order_service.jobs", settings)
        client = ending.enter_context(httpx.Client(trust_env=False, timeout=PATIENCE))
        yield Shop(products, orders, sign_in, client, processes)


def _start(processes: Processes, module: str, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    # Ctrl-C in a terminal reaches a whole group of processes; these wait until the shop closes.
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=HERE,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    processes[module] = process
    return process


def _address(process: subprocess.Popen[str]) -> str:
    """A service prints its address once it can be called."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:
        raise RuntimeError(f"{process.args!r} did not start")
    return line.split()[-1]


def _end(processes: Processes) -> None:
    """Whoever calls others ends first. A service that ends ships what it has recorded."""
    for process in reversed(processes.values()):
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
