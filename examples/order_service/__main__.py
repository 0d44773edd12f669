"""``python -m examples.order_service``: one process. The environment says where things are."""

from __future__ import annotations

import os

from byline import Recorder
from examples.database import open_database
from examples.order_service.app import NAME, create_app
from examples.order_service.models import Base
from examples.web import serve, tokens

if __name__ == "__main__":
    database = open_database(os.environ.get("ORDERS_DATABASE", "sqlite:///orders.db"), Base)
    products = os.environ.get("PRODUCTS_URL", "http://127.0.0.1:8001")
    serve(create_app(database, Recorder(NAME), tokens(), products))
