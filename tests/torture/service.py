"""``python -m tests.torture.service``: the product service as it is, over HTTP, on a disk that is watched and with a
bucket that may be ill. What ``examples.product_service`` starts, but for the recorder."""

from __future__ import annotations

from examples.database import open_database
from examples.product_service.app import create_app
from examples.product_service.models import Base
from examples.web import serve, tokens
from tests.torture.setup import Noting, Plan, told, watched


def main(plan: Plan) -> None:
    board, disk = watched(plan)
    database = open_database(f"sqlite:///{plan.database}", Base)
    recorder = Noting(plan, board, disk)
    serve(create_app(database, recorder, tokens()))
    recorder.close(5)
    recorder.note_stats()


if __name__ == "__main__":
    main(told())
