"""Chooses Arrow's memory allocator."""

from __future__ import annotations

import pyarrow as pa


def leave_mimalloc() -> None:
    """Switches Arrow to the system's allocator, unless ARROW_DEFAULT_MEMORY_POOL names jemalloc.

    Arrow's default, mimalloc, requests pages of 2 MiB from Linux, clears them, and returns them after each page of
    rows: that costs a twelfth of the CPU of a load of JSON, and 20 to 40 MiB in a load of dicts (pyarrow 26.0).
    """
    if pa.default_memory_pool().backend_name == "mimalloc":
        pa.set_memory_pool(pa.system_memory_pool())
