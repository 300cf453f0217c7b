"""Load ids that grow: each is higher than those that have landed, whatever the clock of the machine."""

from __future__ import annotations

import random
import time

from dlt.common.time import increasing_precise_time as load_id_clock

_ANY = random.SystemRandom()
"""Random numbers that processes forked from one do not share."""


def begin_after(load_id: str) -> None:
    """Makes every load id that dlt creates from now on higher than `load_id`.

    dlt takes ids from the time of the machine, and only ever forward. If another machine's clock was ahead, the next id
    lies a random part of a second behind its load: two machines that begin after the same load have different ids.

    Args:
        load_id: The id of a landed load: a number, in seconds since 1970.
    """
    landed = float(load_id)
    with load_id_clock._lock:  # noqa: SLF001 - dlt has no other way to begin after a given id
        if landed >= max(load_id_clock._last, time.time()):  # noqa: SLF001 - the same
            load_id_clock._last = landed + _ANY.uniform(0.001, 1)  # noqa: SLF001 - the same
