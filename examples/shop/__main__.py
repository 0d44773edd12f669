"""``python -m examples.shop FOLDER``: open until Ctrl-C; with ``--play`` a morning passes, and it closes."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from examples.shop.people import PAVAN
from examples.shop.services import Shop, open_shop
from examples.shop.traffic import play

EXAMPLE = """
token={token}
curl {products}/products -H "authorization: Bearer $token" --json \\
  '{{"sku_id": "sku_1", "title": "Kettle", "price": "40.00", "inventory": 3, "tags": ["kitchen"]}}'
curl -X PATCH {products}/products/1 -H "authorization: Bearer $token" --json '{{"price": "35.50"}}'
curl {orders}/orders -H "authorization: Bearer $token" -H "request-id: my-order" --json \\
  '{{"product_id": 1, "quantity": 2, "address": {{"street": "Main 1", "postal_code": "1000", "city": "Graz"}}}}'
curl {orders}/orders/1/refund -H "authorization: Bearer $token" -H "request-id: my-refund" --json '{{"quantity": 1}}'
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.shop")
    parser.add_argument("folder", type=Path, help="for the databases of the services")
    parser.add_argument("--play", action="store_true", help="make some calls, and end")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    with suppress(KeyboardInterrupt), open_shop(arguments.folder.absolute()) as shop:
        if arguments.play:
            for line in play(shop):
                print(line, flush=True)
        else:
            stay(shop)


def end(number: int, _frame: object) -> NoReturn:
    """SIGTERM closes the shop, as Ctrl-C does."""
    signal.signal(number, signal.SIG_IGN)  # once: closing takes a moment, and is not to be interrupted
    sys.exit()


def stay(shop: Shop) -> None:
    token = shop.sign_in.token(PAVAN, 86_400)
    print(EXAMPLE.format(token=token, products=shop.products, orders=shop.orders), flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
