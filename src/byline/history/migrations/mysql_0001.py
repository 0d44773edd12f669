"""Migration 0001 for MySQL. A statement that has run may run again: there, tables are made outside of transactions.

Texts are kept as their bytes (see :class:`byline.history.tables.Utf8`); the view gives them as text.
"""

from __future__ import annotations

from collections.abc import Iterator

_OPTIONS = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
_PARTITIONED = "PARTITION BY RANGE COLUMNS (event_key) (PARTITION later VALUES LESS THAN (MAXVALUE))"

_DICTIONARIES = {
    "counters": """
        name VARBINARY(32) NOT NULL PRIMARY KEY,
        value BIGINT NOT NULL""",
    "names": """
        name_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        kind SMALLINT NOT NULL,
        name_key VARBINARY(255) NOT NULL,
        long_name LONGBLOB,
        UNIQUE KEY names_key (kind, name_key)""",
    "entities": """
        entity_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        table_no INT UNSIGNED NOT NULL,
        entity_key VARBINARY(255) NOT NULL,
        long_id LONGBLOB,
        UNIQUE KEY entities_key (table_no, entity_key)""",
    "actors": """
        actor_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        fingerprint BINARY(16) NOT NULL,
        account_id LONGBLOB,
        user_id LONGBLOB,
        user_email LONGBLOB,
        user_name LONGBLOB,
        UNIQUE KEY actors_fingerprint (fingerprint),
        KEY actors_by_user (user_id(128)),
        KEY actors_by_email (user_email(128))""",
    "clients": """
        client_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        fingerprint BINARY(16) NOT NULL,
        ip_address LONGBLOB,
        ip_packed VARBINARY(16),
        browser_name LONGBLOB,
        device_type LONGBLOB,
        os LONGBLOB,
        UNIQUE KEY clients_fingerprint (fingerprint)""",
    "origins": """
        origin_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        fingerprint BINARY(16) NOT NULL,
        service_no INT UNSIGNED NOT NULL,
        source LONGBLOB,
        job LONGBLOB,
        verified_by LONGBLOB,
        UNIQUE KEY origins_fingerprint (fingerprint)""",
    "objects": """
        object_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        object_key VARBINARY(2048) NOT NULL,
        size BIGINT NOT NULL,
        written_at BIGINT NOT NULL,
        arrival BIGINT,
        UNIQUE KEY objects_key (object_key),
        UNIQUE KEY objects_arrival (arrival)""",
    "dead_letters": """
        id VARBINARY(255) NOT NULL PRIMARY KEY,
        object_key LONGBLOB NOT NULL,
        line INT UNSIGNED,
        reason LONGBLOB NOT NULL,
        detail LONGBLOB NOT NULL,
        received_at BIGINT NOT NULL,
        line_offset BIGINT,
        size BIGINT,
        raw LONGBLOB NOT NULL,
        KEY dead_letters_by_object (object_key(255), line),
        KEY dead_letters_by_time (received_at)""",
    "dismissals": """
        id VARBINARY(255) NOT NULL PRIMARY KEY,
        because LONGBLOB NOT NULL,
        dismissed_by LONGBLOB NOT NULL,
        dismissed_at BIGINT NOT NULL""",
}

_FACTS = {
    "events": """
        event_key BINARY(16) NOT NULL PRIMARY KEY,
        occurred_at BIGINT NOT NULL,
        action SMALLINT NOT NULL,
        flags SMALLINT NOT NULL,
        origin_no INT UNSIGNED NOT NULL,
        entity_no INT UNSIGNED NOT NULL,
        account_no INT UNSIGNED,
        actor_no INT UNSIGNED,
        client_no INT UNSIGNED,
        request_mark INT,
        request_id VARBINARY(513),
        object_no INT UNSIGNED NOT NULL,
        line INT UNSIGNED NOT NULL,
        sha256 BINARY(32) NOT NULL,
        state_before BINARY(8),
        state_after BINARY(8),
        stream_no INT UNSIGNED,
        seq BIGINT,
        trace_id LONGBLOB,
        sent_id LONGBLOB,
        KEY events_by_time (occurred_at),
        KEY events_by_entity (entity_no, occurred_at),
        KEY events_by_account (account_no, occurred_at),
        KEY events_by_actor (actor_no, occurred_at),
        KEY events_by_request (request_mark, occurred_at),
        KEY events_by_object (object_no, line)""",
    "changes": """
        event_key BINARY(16) NOT NULL,
        attribute_no INT UNSIGNED NOT NULL,
        types SMALLINT NOT NULL,
        previous_value LONGBLOB,
        current_value LONGBLOB,
        PRIMARY KEY (event_key, attribute_no)""",
    "attribute_moments": """
        attribute_no INT UNSIGNED NOT NULL,
        occurred_at BIGINT NOT NULL,
        event_key BINARY(16) NOT NULL,
        PRIMARY KEY (attribute_no, occurred_at, event_key)""",
    "value_moments": """
        value_mark INT NOT NULL,
        occurred_at BIGINT NOT NULL,
        event_key BINARY(16) NOT NULL,
        PRIMARY KEY (value_mark, occurred_at, event_key)""",
}


def _said(column: str) -> str:
    return f"CONVERT({column} USING utf8mb4) COLLATE utf8mb4_bin"


_MOMENT = "TIMESTAMP'1970-01-01 00:00:00' + INTERVAL (e.occurred_at DIV 1000000 - (e.occurred_at % 1000000 < 0)) SECOND"
_HEX = "HEX(e.request_id)"

_COLUMNS = {
    "date": f"DATE_FORMAT({_MOMENT}, '%Y-%m-%d')",
    "time": f"DATE_FORMAT({_MOMENT}, '%H:%i:%s')",
    "table_id": _said("COALESCE(t.long_name, t.name_key)"),
    "entity_id": _said("COALESCE(n.long_id, n.entity_key)"),
    "microservice_name": _said("COALESCE(s.long_name, s.name_key)"),
    "action": "CASE e.action WHEN 0 THEN 'create' WHEN 1 THEN 'update' ELSE 'delete' END",
    "request_id": f"""CASE
        WHEN SUBSTR(e.request_id, 1, 1) = x'01' THEN LOWER(CONCAT_WS('-', SUBSTR({_HEX}, 3, 8), SUBSTR({_HEX}, 11, 4),
            SUBSTR({_HEX}, 15, 4), SUBSTR({_HEX}, 19, 4), SUBSTR({_HEX}, 23, 12))) COLLATE utf8mb4_bin
        ELSE {_said("SUBSTR(e.request_id, 2)")}
    END""",
    "ip_address": _said("l.ip_address"),
    "account_id": _said("COALESCE(k.long_name, k.name_key)"),
    "user_id": _said("a.user_id"),
    "user_email": _said("a.user_email"),
    "user_name": _said("a.user_name"),
    "attribute": _said("COALESCE(b.long_name, b.name_key)"),
    "previous_value": _said("c.previous_value"),
    "current_value": _said("c.current_value"),
    "browser_name": _said("l.browser_name"),
    "device_type": _said("l.device_type"),
    "os": _said("l.os"),
}

_VIEW = f"""
CREATE OR REPLACE SQL SECURITY INVOKER VIEW change_history AS
SELECT {", ".join(f"{said} AS {name}" for name, said in _COLUMNS.items())}
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
"""  # noqa: S608 - every part of it stands above


def statements() -> Iterator[str]:
    """All of the schema, in order."""
    for name, columns in _DICTIONARIES.items():
        yield f"CREATE TABLE IF NOT EXISTS {name} ({columns}) {_OPTIONS}"
    for name, columns in _FACTS.items():
        yield f"CREATE TABLE IF NOT EXISTS {name} ({columns}) {_OPTIONS} {_PARTITIONED}"
    yield "INSERT INTO counters (name, value) VALUES ('arrival', 0), ('epoch', 1) ON DUPLICATE KEY UPDATE value = value"
    yield _VIEW
