"""The table that every side reads: ten columns of ten PostgreSQL types."""

from __future__ import annotations

CREATE = """
CREATE TABLE shop.orders AS
SELECT
    number::INTEGER AS id,
    number::BIGINT * 1000003 AS account,
    ((number % 1000000) * 1.0001)::NUMERIC(18, 4) AS amount,
    sin(number) AS score,
    'Please leave order ' || number || ' with the neighbour' AS note,
    ('customer ' || number % 5000)::VARCHAR(40) AS customer,
    CASE WHEN number % 7 > 0 THEN number % 3 = 0 END AS is_paid,
    TIMESTAMPTZ '2024-01-01 00:00:00+00' + number * INTERVAL '37.123457 seconds' AS created_at,
    DATE '2020-01-01' + number % 2000 AS shipped_on,
    CASE WHEN number % 10 > 0 THEN md5(number::TEXT)::UUID END AS token
FROM generate_series(0, {size} - 1) AS number
"""
"""Two columns have nulls."""

COLUMNS = {
    "id": "BIGINT",
    "account": "BIGINT",
    "amount": "DECIMAL(18, 4)",
    "score": "DOUBLE",
    "note": "VARCHAR",
    "customer": "VARCHAR",
    "is_paid": "BOOLEAN",
    "created_at": "TIMESTAMPTZ",
    "shipped_on": "DATE",
    "token": "VARCHAR",
}
"""Types to which the values of every side can be cast without loss."""

DSN = "SOURCES__SHOP__SERVER"
"""Name of the setting with the server's address: the connection `server` of a source named shop."""
