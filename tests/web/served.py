"""A Byline of one folder: real events in a real bucket, processed by the real processor, behind a real server on
loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI

from byline.bucket.port import Bucket
from byline.history.port import History
from byline.processor import Processor
from byline.processor.put import put
from byline.queue.port import Queue
from byline.settings import Settings
from byline.web.server import address, bind
from byline.wiring import open_bucket, open_history, open_queue

Row = dict[str, Any]


def an_event(**other: Any) -> Row:
    """The worked example of the wire format, with whatever a test wants otherwise; ``info`` goes into its request."""
    info = {
        "time_stamp": "2020-07-29T19:45:00.047Z",
        "ip_address": "203.109.108.86",
        "request_id": "a20e389c-134b-40e7-9827-1c94eb895412",
        "user": {
            "account_id": "eb257dff-dddb-482d-afb0-5934ace42c13",
            "user_id": "206483f8-f11e-4ee8-87df-962b6f92d610",
            "email": "pavan@eunimart.com",
            "user_name": "Pavan Kumar",
        },
        "miscellaneous": {
            "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/84.0.4147.89 Safari/537.36"
        },
    }
    event = {
        "event_id": "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11",
        "table_id": "products_master",
        "entity_id": "1",
        "micro_service_name": "product_management",
        "action": "update",
        "old_data": {"_id": 1, "title": "Redmi note 9 max | 6gb Ram | 128gb Storage", "inventory": 1},
        "new_data": {"_id": 1, "title": "Redmi note 9 max | 4gb Ram | 128gb Storage", "inventory": 10},
        "request_info": info | other.pop("info", {}),
    }
    return event | other


class Byline:
    """One folder's bucket, queue and history."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings.load(folder, {})
        folder.mkdir(parents=True, exist_ok=True)
        self.bucket: Bucket = open_bucket(self.settings)
        self.history: History = open_history(self.settings)
        self.history.writer.migrate()
        self.queue: Queue = open_queue(self.settings)

    def close(self) -> None:
        self.queue.close()
        self.history.close()

    def process(self) -> None:
        """Take what is announced."""
        Processor(self.bucket, self.queue, self.history).run()

    def take(self, *events: Row) -> None:
        """Put these events as one object, and process it."""
        self.take_bytes(b"\n".join(msgspec.json.encode(event) for event in events))

    def take_bytes(self, lines: bytes) -> None:
        """The same, for lines as they are."""
        put(self.bucket, self.queue, lines)
        self.process()


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of a server that runs ``app`` on a free port."""
    with closing(bind("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.002)
        try:
            with httpx.Client(base_url=address(listening), trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()
