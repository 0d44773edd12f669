"""A shop's last weeks: every kind of story that the pages tell, at times near now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.browser.samples import REFUND, REPRICE, Row, event, update

CASSEROLE = (
    "Cast-iron casserole, 4.2 l. Enamelled inside and outside, with a lid that keeps the steam in. "
    "The knob stands 260 degrees. Holds its heat for an hour away from the stove, and weighs as much as a small child. "
    "Comes with a booklet of recipes. Suitable for gas, electric and {kind} hobs. {wash}"
)


def shop(now: datetime) -> list[Row]:
    """Every event of the sample, oldest first."""
    events = [*_product(now), *_refund(now), *_job(now), *_others(now), *_traffic(now)]
    return sorted(events, key=lambda told: str(told["request_info"]["time_stamp"]))


def _ago(now: datetime, **how_long: float) -> datetime:
    return now - timedelta(**how_long)


def _product(now: datetime) -> list[Row]:
    """The life of ``products_master 1``: seventeen events, and a change that nobody recorded."""
    entity, service = ("products_master", "1"), "product_management"
    title = "Redmi note 9 max | 6gb Ram | 128gb Storage"
    state: Row = {
        "brand": "Xiaomi",
        "category": "phones/android",
        "currency": "INR",
        "images": ["a1.webp", "a2.webp"],
        "inventory": 40,
        "price": 549.00,
        "sku_id": "sku_1",
        "status": "DRAFT",
        "specs": {"ram_gb": 6, "storage_gb": 64},
        "title": "Redmi note 9 max",
        "description": "A phone.",
        "weight_g": 199,
    }
    told = [event(_ago(now, days=730), "create", entity, None, state, service=service, who="Tomás Rivera")]
    steps: list[tuple[float, str | None, Row, Row]] = [
        (700, "Mei-Ling Chen", {"price": 529.0}, {}),
        (
            520,
            "Mei-Ling Chen",
            {
                "description": "6.67 inch display, 5020 mAh, side fingerprint reader, Gorilla Glass 5 on both sides. "
                * 8,
                "weight_g": 209,
            },
            {},
        ),
        (450, "Pavan Kumar", {"price": 499.0, "inventory": 30}, {}),
        (420, "Mei-Ling Chen", {"specs": {"ram_gb": 6, "storage_gb": 128}}, {}),
        (400, "Mei-Ling Chen", {"title": title}, {}),
        (360, None, {"price": 449.0}, {"job": "start_campaign"}),
        (355, None, {"price": 519.0}, {"job": "end_campaign"}),
        (290, None, {"inventory": 12, "status": "PUBLISHED"}, {"job": "publish_due"}),
        (180, "Pavan Kumar", {"inventory": 4, "specs": {"ram_gb": 4, "storage_gb": 128}}, {}),
        (9, "Amara Okafor", {"price": 499.0, "price_reason": "match marketplace"}, {}),
        (0.34, "Tomás Rivera", {"inventory": 10}, {}),
    ]
    for days, who, changes, info in steps:
        made, state = update(
            _ago(now, days=days),
            entity,
            state,
            service="pricing" if info else service,
            who=who,
            changes=changes,
            **info,
        )
        told.append(made)
    state = state | {"inventory": 7}  # by hand, in the database
    made, state = update(
        _ago(now, hours=3), entity, state, service="inventory", changes={"inventory": 1}, ip_address="10.4.0.17"
    )
    told.append(made)
    changes = {"inventory": 10, "title": title.replace("6gb", "4gb")}
    made, state = update(_ago(now, minutes=1), entity, state, service=service, who="Pavan Kumar", changes=changes)
    return [*told, made]


def _refund(now: datetime) -> list[Row]:
    """One request across three services, one part of which has been overwritten since."""
    at = _ago(now, minutes=20)
    lena: dict[str, Any] = {"who": "Lena Fischer", "request": REFUND}
    order = {
        "status": "PAID",
        "refunded_total": 0,
        "note": None,
        "lines": [{"id": 7, "price": 249.0}, {"id": 8, "price": 20.0}],
    }
    new_lines = [{"id": 7, "price": 199.0}, {"id": 8, "price": 20.0}]
    first, order = update(
        at,
        ("orders", 10482),
        order,
        service="order_management",
        changes={"status": "PARTLY_REFUNDED", "refunded_total": 50.0, "lines": new_lines},
        **lena,
    )
    refund = {
        "amount": 50.0,
        "currency": "EUR",
        "order_id": 10482,
        "payment_id": "pay_91f2",
        "reason": "scratched lid",
        "state": "DONE",
    }
    second = event(
        at + timedelta(seconds=0.187), "create", ("refunds", "re_5521"), None, refund, service="payments", **lena
    )
    payment = {"refunded_amount": 0, "status": "CAPTURED"}
    third, _ = update(
        at + timedelta(seconds=0.187),
        ("payments", "pay_91f2"),
        payment,
        service="payments",
        changes={"refunded_amount": 50.0, "status": "PARTLY_REFUNDED"},
        **lena,
    )
    stock = {"on_hand": 41, "place": "BER-1"}
    fourth, stock = update(
        at + timedelta(seconds=1.666),
        ("stock_levels", "sku_1@BER-1"),
        stock,
        service="inventory",
        changes={"on_hand": 42},
        **lena,
    )
    reservation = {"order_id": 10482, "quantity": 1, "sku_id": "sku_1", "state": "HELD", "until": "2026-08-01"}
    fifth = event(
        at + timedelta(seconds=1.667),
        "delete",
        ("reservations", "rsv_77120"),
        reservation,
        None,
        service="inventory",
        **lena,
    )
    note = (
        "Lid arrived scratched, customer keeps the item and gets 50 € back. Photo in ticket "
        + "and the carrier was told. " * 4
    )
    sixth, _ = update(
        at + timedelta(seconds=2.414),
        ("orders", 10482),
        order,
        service="order_management",
        changes={"note": note},
        **lena,
    )
    since, _ = update(
        at + timedelta(minutes=9),
        ("stock_levels", "sku_1@BER-1"),
        stock,
        service="inventory",
        changes={"on_hand": 39},
        ip_address="10.4.0.17",
    )
    return [first, second, third, fourth, fifth, sixth, since]


def _job(now: datetime) -> list[Row]:
    at = _ago(now, minutes=40)
    return [
        update(
            at + timedelta(milliseconds=number),
            ("products_master", str(118 + number)),
            {"price": 499.0 + number, "title": "x"},
            service="pricing",
            request=REPRICE,
            job="reprice_catalogue",
            changes={"price": 474.05 + number},
        )[0]
        for number in range(48)
    ]


def _others(now: datetime) -> list[Row]:
    coupon = {
        "percent_off": 20,
        "ends_on": "2026-08-31",
        "max_uses": 5000,
        "name": "Summer",
        "min_total": 0,
        "scope": "all",
        "stackable": False,
    }
    power_bank = {
        "title": "Anker 737 power bank",
        "price": 119.0,
        "sku_id": "sku_2207",
        "brand": "Anker",
        "currency": "EUR",
        "inventory": 3,
        "status": "DRAFT",
        "weight_g": 640,
        "category": "power",
    }
    casserole = {"description": CASSEROLE.format(kind="ceramic", wash="Dishwasher safe."), "weight_g": "4200"}
    listing = {"banner": "<b>SALE</b> until Sunday", "slug": "summer-sale", "tags": ["de", "summer"]}
    customer = {
        "address": {
            "city": "Porto",
            "postal_code": "4000-322",
            "street": "Rua de Santa Catarina 88",
            "floor": 1,
            "door": "A",
        }
    }
    moved = {
        "address": {
            "city": "Lisboa",
            "postal_code": "1100-148",
            "street": "Rua Augusta 12, 3.° esq.",
            "floor": 3,
            "door": "\ud800",
        }
    }
    paid, _ = update(
        _ago(now, hours=2),
        ("payments", "pay_91f2"),
        {"status": "AUTHORIZED"},
        service="payments",
        changes={"status": "CAPTURED"},
        ip_address="34.241.60.9",
    )
    described, _ = update(
        _ago(now, hours=4),
        ("products_master", "311"),
        casserole,
        service="product_management",
        who="Mei-Ling Chen",
        changes={"description": CASSEROLE.format(kind="induction", wash="Wash by hand."), "weight_g": 4200},
    )
    priced, _ = update(
        _ago(now, days=1),
        ("price_lists", "DE-summer"),
        listing,
        service="pricing",
        who="Amara Okafor",
        changes={"banner": "<b>SALE</b> until <script>", "slug": "summer-\u202esale", "tags": ["de", "summer", "sale"]},
    )
    ines, _ = update(
        _ago(now, days=1, hours=1),
        ("customers", {"no": 5120, "region": "pt"}),
        customer,
        service="customer_accounts",
        changes=moved,
        who="Tomás Rivera",
    )
    same = {"name": "Iris", "city": ""}
    return [
        event(
            _ago(now, hours=1), "delete", ("coupons", "SUMMER20"), coupon, None, service="pricing", who="Amara Okafor"
        ),
        event(
            _ago(now, hours=3.5),
            "create",
            ("products_master", "2207"),
            None,
            power_bank,
            service="product_management",
            who="Tomás Rivera",
        ),
        paid,
        described,
        priced,
        ines,
        event(
            _ago(now, days=2),
            "update",
            ("customers", "77"),
            same,
            same,
            service="customer_accounts",
            who="Amara Okafor",
        ),
        event(
            _ago(now, days=2, hours=1),
            "update",
            ("customers", "78"),
            None,
            same,
            service="customer_accounts",
            who="Amara Okafor",
        ),
        event(
            _ago(now, days=2, hours=2),
            "update",
            ("customers", "79"),
            {"a": " x ", "b": None},
            {"a": " y ", "b": "null"},
            service="customer_accounts",
            seen_by="binlog",
        ),
    ]


def _traffic(now: datetime) -> list[Row]:
    """Weeks of small changes: something for the chart."""
    told: list[Row] = []
    for back in range(3, 30):
        for number in range((back * 7) % 11 + 1):
            at = _ago(now, days=back, minutes=number)
            entity = ("orders", str(20_000 + back * 50 + number))
            if number % 5 == 3:
                told.append(
                    event(at, "create", entity, None, {"status": "NEW"}, service="order_management", who="Lena Fischer")
                )
            elif number % 7 == 6:
                told.append(
                    event(at, "delete", entity, {"status": "NEW"}, None, service="order_management", who="Lena Fischer")
                )
            else:
                told.append(
                    update(
                        at,
                        entity,
                        {"status": "NEW"},
                        service="order_management",
                        who="Lena Fischer",
                        changes={"status": "REFUNDED" if number % 4 == 1 else "PAID"},
                    )[0]
                )
    return told


NO_STAMP = (
    b'{"event_id":"01983e0c-4b1f-7d20-8e11-9f3a61c07d52","table_id":"orders","entity_id":"10377",'
    b'"micro_service_name":"orders","action":"update","old_data":{"status":"PAID"},"new_data":{"status":"SHIPPED"},'
    b'"request_info":{"ip_address":"10.4.0.22","request_id":"f3b0"}}'
)
CUT_SHORT = b'{"table_id":"carts","entity_id":"c_90211","action":"update","old_data":{"c'
