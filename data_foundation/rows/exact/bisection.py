"""Finds the value for which an Arrow column as a whole is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from data_foundation.rows.exact.value_rules import Unacceptable

_REFUSALS = (pa.ArrowInvalid, pa.ArrowNotImplementedError, Unacceptable)


def first_refused(column: Any, convert: Callable[[Any], Any]) -> int:
    """Returns the index of the first value of a column for which `convert` raises.

    Args:
        column: An Arrow array that `convert` refuses as a whole.
        convert: Raises for an array if it refuses one of its values.
    """
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(column[low:middle])
            low = middle
        except _REFUSALS:
            high = middle
    return low
