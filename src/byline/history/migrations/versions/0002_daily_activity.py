"""Events a day: counted while they are taken, since counting them when somebody asks would read them all."""

import sqlalchemy as sa
from alembic import op

from byline.history.migrations import mysql_0002

revision = "0002"
down_revision = "0001"

_OF_A_DAY = 86_400_000_000
_DAY = f"(e.occurred_at - (e.occurred_at % {_OF_A_DAY} + {_OF_A_DAY}) % {_OF_A_DAY}) / {_OF_A_DAY}"

_FILL = f"""
INSERT INTO daily_activity (account_no, day, table_no, service_no, action, events)
SELECT 0, {_DAY}, n.table_no, o.service_no, e.action, count(*)
FROM events AS e
JOIN entities AS n ON n.entity_no = e.entity_no
JOIN origins AS o ON o.origin_no = e.origin_no
GROUP BY 2, 3, 4, 5
UNION ALL
SELECT e.account_no, {_DAY}, n.table_no, o.service_no, e.action, count(*)
FROM events AS e
JOIN entities AS n ON n.entity_no = e.entity_no
JOIN origins AS o ON o.origin_no = e.origin_no
WHERE e.account_no IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - every part of it stands above


def upgrade() -> None:
    if op.get_context().dialect.name == "mysql":
        for statement in mysql_0002.statements():
            op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})
        return
    op.create_table(
        "daily_activity",
        sa.Column("account_no", sa.Integer, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("table_no", sa.Integer, nullable=False),
        sa.Column("service_no", sa.Integer, nullable=False),
        sa.Column("action", sa.SmallInteger, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_no", "day", "table_no", "service_no", "action", name="daily_activity_key"),
        sqlite_with_rowid=False,
    )
    op.get_bind().exec_driver_sql(_FILL)
