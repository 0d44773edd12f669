"""One server with one sample for all tests here, one Chromium for each module. Nothing is faked: events go into a
bucket, are processed, and are read from the history; the pages are looked at by a browser."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from byline.web import create_app
from byline.wiring import open_queue
from tests.browser.samples import event
from tests.browser.shop import CUT_SHORT, NO_STAMP, shop
from tests.web.served import Byline, served

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--process-per-site"),
]
EMBEDDING = "http://localhost"
"""The origin of the foreign page, without its port."""

DEAD = b"\n".join([NO_STAMP, CUT_SHORT, NO_STAMP.replace(b"10377", b"10381")])

Opener = Callable[..., Page]
Contexts = Callable[..., BrowserContext]


class Shop:
    """The sample, behind a server at ``url``."""

    def __init__(self, byline: Byline, url: str) -> None:
        self.byline = byline
        self.url = url


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """For a module at a time: while it runs, no other test in this process could run an event loop."""
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is missing: apt-get install chromium")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@contextmanager
def opened(byline: Byline, origin: str | None = None) -> Iterator[Shop]:
    """A server for what is in this folder. ``origin`` may embed the timeline."""
    with closing(open_queue(byline.settings)) as queue:
        app = create_app(byline.history, byline.bucket, queue=queue, embed_origins=[origin] if origin else [])
        with served(app) as client:
            yield Shop(byline, str(client.base_url).rstrip("/"))


@pytest.fixture(scope="session")
def the_shop(tmp_path_factory: pytest.TempPathFactory, foreign_port: int) -> Iterator[Shop]:
    """The sample, for tests that only look."""
    byline = Byline(tmp_path_factory.mktemp("browser") / "data")
    # Half a surrogate pair among them, which only this encoder writes.
    byline.take_bytes("\n".join(json.dumps(row) for row in shop(datetime.now(UTC))).encode())
    byline.take_bytes(DEAD)
    with opened(byline, f"{EMBEDDING}:{foreign_port}") as made:
        yield made


@pytest.fixture
def small_shop(tmp_path: Path) -> Iterator[Shop]:
    """A few events and dead letters, for a test that changes something."""
    byline = Byline(tmp_path / "data")
    byline.take(event(datetime.now(UTC), "create", ("orders", "1"), None, {"a": 1}, service="orders"))
    byline.take_bytes(DEAD)
    with opened(byline) as made:
        yield made


class Watched:
    """What went wrong in a page that nobody would see: errors of its script, answers that are none, calls elsewhere."""

    def __init__(self, page: Page, allowed: str) -> None:
        self.troubles: list[str] = []
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: self.troubles.append(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((allowed, "about:", "data:")) else self.troubles.append(request.url)
            ),
        )


@pytest.fixture(scope="module")
def contexts(chromium: Browser) -> Iterator[Contexts]:
    """Browser contexts by their options: a new one for each page would be most of these tests' time."""
    made: dict[str, BrowserContext] = {}

    def get(**options: Any) -> BrowserContext:
        key = repr(sorted(options.items()))
        if key not in made:
            made[key] = chromium.new_context(**options)
        return made[key]

    yield get
    for context in made.values():
        context.close()


@pytest.fixture
def opener(contexts: Contexts, the_shop: Shop) -> Iterator[Opener]:
    """Opens a path of the shop, and minds that nothing goes wrong in the page unseen."""
    pages: list[Page] = []
    watched: list[Watched] = []

    def open_page(
        path: str, *, home: str = the_shop.url, width: int = 1280, watch: bool = True, **options: Any
    ) -> Page:
        page = contexts(**options).new_page()
        page.set_viewport_size({"width": width, "height": 900})
        pages.append(page)
        if watch:
            watched.append(Watched(page, home))
        page.goto(home + path)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [trouble for one in watched for trouble in one.troubles] == []


@pytest.fixture(scope="session")
def foreign_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Tests print nothing."""


@pytest.fixture(scope="session")
def foreign_server(foreign_folder: Path) -> Iterator[ThreadingHTTPServer]:
    """Somebody else's pages, on an origin of their own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(foreign_folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def foreign_port(foreign_server: ThreadingHTTPServer) -> int:
    return foreign_server.server_port
