"""Load ids that grow: each is higher than those that have landed, whatever the clock of the machine."""

from __future__ import annotations

from dlt.common.time import increasing_precise_time as load_id_clock


def begin_after(load_id: str) -> None:
    """Makes every load id that dlt creates from now on higher than `load_id`.

    dlt takes ids from the time of the machine, and only ever forward. Another machine's clock may have been ahead.

    Args:
        load_id: The id of a landed load: a number, in seconds since 1970.
    """
    with load_id_clock._lock:  # noqa: SLF001 - dlt has no other way to begin after a given id
        load_id_clock._last = max(load_id_clock._last, float(load_id))  # noqa: SLF001 - the same
