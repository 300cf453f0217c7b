"""The arguments of `get_table`, and which of them exclude each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_foundation.errors import EntryError
from data_foundation.readers.deleted_rows import Deleted

_OF_A_TABLE = ("table", "tables", "schema", "merge_on_key")
_NUMBERS = ("chunk_size", "parallelism", "first_load_rows")


@dataclass(frozen=True)
class TableArguments:
    """The arguments of `get_table`, which describes them, and the folder of its source."""

    folder: str
    schema: str | None
    table: str
    tables: Sequence[str] | str
    include: Sequence[str] | str
    exclude: Sequence[str] | str
    query_filter: str | None
    chunk_size: int
    parallelism: int
    partition_on: str | None
    skip_unchanged: str | None
    deleted: Deleted | None = None
    first_load_rows: int | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            EntryError: A value is not a whole number of at least 1; names the key.
        """
        for key in _NUMBERS:
            value = getattr(self, key)
            if value is None and key == "first_load_rows":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise EntryError(f"{key}: got {value!r}; accepted is a whole number, 1 or more")

    def parts_of_query(self, *, has_cursor: bool) -> list[str]:
        """Returns the configured keys that read a part of the rows, or read them several times."""
        keys = {
            "incremental": has_cursor,
            "parallelism": self.parallelism > 1,
            "deleted": self.deleted is not None,
            "first_load_rows": self.first_load_rows is not None,
        }
        return [key for key, is_set in keys.items() if is_set]

    @property
    def selection(self) -> str:
        """A digest of what selects the rows, beside the cursor; "" if all rows of a table are read."""
        texts = [self.query or "", self.query_filter or ""]
        return hashlib.sha256(repr(texts).encode()).hexdigest()[:16] if any(texts) else ""


def find_problems_of_query(kwargs: Mapping[str, Any]) -> Iterator[str]:
    """Yields the message of each misuse of `query` and `table`, which can be seen without the database."""
    query = kwargs.get("query")
    if query is None:
        if not kwargs.get("table") and not kwargs.get("tables"):
            yield "needs table, or query; accepted is for instance table: orders"
        return
    if not isinstance(query, str):
        yield f"query: got {query!r}; accepted is the text of one SELECT"
    for key in _OF_A_TABLE:
        if kwargs.get(key):
            reason = "a query has no key; set primary_key" if key == "merge_on_key" else "the query names its tables"
            yield f"got query and {key}; leave {key} out: {reason}"
