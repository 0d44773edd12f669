"""``python -m examples.product_service``: one process. The environment says where things are."""

from __future__ import annotations

import os

from byline import Recorder
from examples.database import open_database
from examples.product_service.app import NAME, create_app
from examples.product_service.models import Base
from examples.web import serve, tokens

if __name__ == "__main__":
    database = open_database(os.environ.get("PRODUCTS_DATABASE", "sqlite:///products.db"), Base)
    serve(create_app(database, Recorder(NAME), tokens()))
