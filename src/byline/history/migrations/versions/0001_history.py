"""The history: events, changes, what they refer to, dead letters, and the view ``change_history``."""

import sqlalchemy as sa
from alembic import op

from byline.history.migrations import mysql_0001

revision = "0001"
down_revision = None

_VIEW = """
CREATE VIEW change_history AS
SELECT
    strftime('%Y-%m-%d', e.occurred_at / 1000000 - (e.occurred_at % 1000000 < 0), 'unixepoch') AS date,
    strftime('%H:%M:%S', e.occurred_at / 1000000 - (e.occurred_at % 1000000 < 0), 'unixepoch') AS time,
    coalesce(t.long_name, t.name_key) AS table_id,
    coalesce(n.long_id, n.entity_key) AS entity_id,
    coalesce(s.long_name, s.name_key) AS microservice_name,
    CASE e.action WHEN 0 THEN 'create' WHEN 1 THEN 'update' ELSE 'delete' END AS action,
    CASE
        WHEN e.request_id IS NULL THEN NULL
        WHEN substr(e.request_id, 1, 1) = x'01' THEN lower(
            substr(hex(e.request_id), 3, 8) || '-' || substr(hex(e.request_id), 11, 4) || '-' ||
            substr(hex(e.request_id), 15, 4) || '-' || substr(hex(e.request_id), 19, 4) || '-' ||
            substr(hex(e.request_id), 23, 12))
        ELSE CAST(substr(e.request_id, 2) AS TEXT)
    END AS request_id,
    l.ip_address AS ip_address,
    coalesce(k.long_name, k.name_key) AS account_id,
    a.user_id AS user_id,
    a.user_email AS user_email,
    a.user_name AS user_name,
    coalesce(b.long_name, b.name_key) AS attribute,
    c.previous_value AS previous_value,
    c.current_value AS current_value,
    l.browser_name AS browser_name,
    l.device_type AS device_type,
    l.os AS os
FROM changes AS c
JOIN events AS e ON e.event_key = c.event_key
JOIN names AS b ON b.name_no = c.attribute_no
JOIN entities AS n ON n.entity_no = e.entity_no
JOIN names AS t ON t.name_no = n.table_no
JOIN origins AS o ON o.origin_no = e.origin_no
JOIN names AS s ON s.name_no = o.service_no
LEFT JOIN names AS k ON k.name_no = e.account_no
LEFT JOIN actors AS a ON a.actor_no = e.actor_no
LEFT JOIN clients AS l ON l.client_no = e.client_no
"""


def upgrade() -> None:
    if op.get_context().dialect.name == "mysql":
        for statement in mysql_0001.statements():
            op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})
        return
    _dictionaries()
    _facts()
    _moments()
    _letters()
    op.execute(_VIEW)


def _dictionaries() -> None:
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "arrival", "value": 0}, {"name": "epoch", "value": 1}])
    op.create_table(
        "names",
        sa.Column("name_no", sa.Integer, primary_key=True),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("long_name", sa.Text),
        sa.UniqueConstraint("kind", "name_key", name="names_key"),
    )
    op.create_table(
        "entities",
        sa.Column("entity_no", sa.Integer, primary_key=True),
        sa.Column("table_no", sa.Integer, nullable=False),
        sa.Column("entity_key", sa.Text, nullable=False),
        sa.Column("long_id", sa.Text),
        sa.UniqueConstraint("table_no", "entity_key", name="entities_key"),
    )
    op.create_table(
        "actors",
        sa.Column("actor_no", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("account_id", sa.Text),
        sa.Column("user_id", sa.Text),
        sa.Column("user_email", sa.Text),
        sa.Column("user_name", sa.Text),
        sa.UniqueConstraint("fingerprint", name="actors_fingerprint"),
    )
    op.create_index("actors_by_user", "actors", ["user_id"])
    op.create_index("actors_by_email", "actors", ["user_email"])
    op.create_table(
        "clients",
        sa.Column("client_no", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("ip_address", sa.Text),
        sa.Column("ip_packed", sa.LargeBinary(16)),
        sa.Column("browser_name", sa.Text),
        sa.Column("device_type", sa.Text),
        sa.Column("os", sa.Text),
        sa.UniqueConstraint("fingerprint", name="clients_fingerprint"),
    )
    op.create_table(
        "origins",
        sa.Column("origin_no", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("service_no", sa.Integer, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("job", sa.Text),
        sa.Column("verified_by", sa.Text),
        sa.UniqueConstraint("fingerprint", name="origins_fingerprint"),
    )


def _facts() -> None:
    op.create_table(
        "objects",
        sa.Column("object_no", sa.Integer, primary_key=True),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.Column("first_event", sa.Integer),
        sa.Column("last_event", sa.Integer),
        sa.Column("arrival", sa.BigInteger),
        sa.UniqueConstraint("object_key", name="objects_key"),
        sa.UniqueConstraint("arrival", name="objects_arrival"),
    )
    op.create_table(
        "events",
        sa.Column("event_key", sa.Integer, primary_key=True),
        sa.Column("event_id", sa.LargeBinary(16), nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("action", sa.SmallInteger, nullable=False),
        sa.Column("flags", sa.SmallInteger, nullable=False),
        sa.Column("origin_no", sa.Integer, nullable=False),
        sa.Column("entity_no", sa.Integer, nullable=False),
        sa.Column("account_no", sa.Integer),
        sa.Column("actor_no", sa.Integer),
        sa.Column("client_no", sa.Integer),
        sa.Column("request_mark", sa.Integer),
        sa.Column("request_id", sa.LargeBinary(129)),
        sa.Column("object_no", sa.Integer, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("state_before", sa.LargeBinary(8)),
        sa.Column("state_after", sa.LargeBinary(8)),
        sa.Column("stream_no", sa.Integer),
        sa.Column("seq", sa.BigInteger),
        sa.Column("trace_id", sa.Text),
        sa.Column("sent_id", sa.Text),
        sa.UniqueConstraint("event_id", name="events_id"),
    )
    op.create_index("events_by_time", "events", ["occurred_at"])
    op.create_index("events_by_entity", "events", ["entity_no", "occurred_at"])
    op.create_index("events_by_account", "events", ["account_no", "occurred_at"])
    op.create_index(
        "events_by_actor", "events", ["actor_no", "occurred_at"], sqlite_where=sa.text("actor_no IS NOT NULL")
    )
    op.create_index(
        "events_by_request", "events", ["request_mark", "occurred_at"], sqlite_where=sa.text("request_mark IS NOT NULL")
    )
    op.create_table(
        "changes",
        sa.Column("event_key", sa.Integer, nullable=False),
        sa.Column("attribute_no", sa.Integer, nullable=False),
        sa.Column("types", sa.SmallInteger, nullable=False),
        sa.Column("previous_value", sa.Text),
        sa.Column("current_value", sa.Text),
        sa.PrimaryKeyConstraint("event_key", "attribute_no", name="changes_key"),
        sqlite_with_rowid=False,
    )


def _moments() -> None:
    op.create_table(
        "attribute_moments",
        sa.Column("attribute_no", sa.Integer, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("event_key", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("attribute_no", "occurred_at", "event_key", name="attribute_moments_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "value_moments",
        sa.Column("value_mark", sa.Integer, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("event_key", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("value_mark", "occurred_at", "event_key", name="value_moments_key"),
        sqlite_with_rowid=False,
    )


def _letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("line", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("line_offset", sa.BigInteger),
        sa.Column("size", sa.BigInteger),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_index("dead_letters_by_object", "dead_letters", ["object_key", "line"])
    op.create_index("dead_letters_by_time", "dead_letters", ["received_at"])
    op.create_table(
        "dismissals",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("dismissed_by", sa.Text, nullable=False),
        sa.Column("dismissed_at", sa.BigInteger, nullable=False),
    )
