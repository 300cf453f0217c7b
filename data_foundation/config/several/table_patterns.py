"""Resources that read tables of a database by a pattern, `tables: "crm_*"`, each of which is a resource of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from data_foundation.config.several.discovered import Discovered, Hints

ENTRY = "data_foundation.readers.sql.get_table"
PLACE = "{table}"
"""Placeholder for a table's own name in a destination."""

Raw = Mapping[str, Any]
"""A resource in its unchecked form."""


def kwargs_of(raw: Raw) -> Mapping[str, Any]:
    """Returns the keyword arguments of a resource in its unchecked form, in either spelling of the key."""
    kwargs = raw.get("kwargs", raw.get("keyword_arguments"))
    return kwargs if isinstance(kwargs, Mapping) else {}


def destination_of(raw: Raw, table: str) -> str:
    """Returns the destination of one table, whose name may have characters that destinations do not have."""
    return str(raw.get("destination")).replace(PLACE, re.sub(r"[^\w-]+", "_", table))


class TablePattern:
    """A resource in its unchecked form that stands for each table of a database that its `tables` match."""

    tables_key = ("kwargs", "tables")
    needs = "connects"
    """What `foundation discover` does to find the tables."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    @classmethod
    def matches(cls, raw: Raw) -> bool:
        """Returns True if a resource in its unchecked form has a pattern of tables."""
        return raw.get("entry") == ENTRY and "tables" in kwargs_of(raw)

    def expand(self, discovered: Discovered) -> Iterator[tuple[dict[str, Any], Hints]]:
        """Yields the unchecked resource of each table, whose primary key is that of the database."""
        for table, known in discovered.of(self.raw).items():
            one = {name: value for name, value in self.raw.items() if name != "keyword_arguments"}
            one |= {"kwargs": {**kwargs_of(self.raw), "table": table}, "destination": destination_of(self.raw, table)}
            yield {**known, **one}, {}

    def problems(self, _discovered: Discovered) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yields each misuse: the path of a key, and a message."""
        if "table" in kwargs_of(self.raw):
            yield ("kwargs",), "got table and tables; leave one of them out"
