"""Where Arrow takes its memory from."""

from __future__ import annotations

import pyarrow as pa


def leave_mimalloc() -> None:
    """Has Arrow take memory from the system's allocator, unless ARROW_DEFAULT_MEMORY_POOL has named jemalloc.

    Arrow's own choice, mimalloc, asks Linux for pages of 2 MiB, clears them, and gives them back as soon as a page of
    rows is through: a twelfth of the CPU of a load of JSON, and 20 to 40 MiB of one of dicts (pyarrow 26.0).
    """
    if pa.default_memory_pool().backend_name == "mimalloc":
        pa.set_memory_pool(pa.system_memory_pool())
