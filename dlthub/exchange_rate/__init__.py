"""Reference exchange rates of the European Central Bank.

Purpose: convert amounts between currencies, at the rate of any day since 2024.
Owner: team:data-platform.
Origin: Frankfurter (https://frankfurter.dev, no key needed), which has the bank's rates of a working day at about
16:00 CET.

    ECB -> api.frankfurter.dev/v1 -> data.py -> raw.exchange_rate, raw.exchange_rate_history -> dbt
"""

TIMEOUT = (5, 30)
"""Seconds to connect, and to wait for the next bytes."""

MOST_DAYS = 90
"""Days of one request: longer ranges are split into several requests."""

NO_RATES_STATUS = 404
NO_RATES_BODY = '{"message":"not found"}'
"""Frankfurter's answer for days that it has no rates for; a 404 with another body means a wrong address."""
