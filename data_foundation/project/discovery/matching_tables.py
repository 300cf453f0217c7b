"""Lists the tables of a database that match the pattern of a resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from data_foundation.config.several.discovered import Hints
from data_foundation.config.several.table_patterns import TablePattern, kwargs_of
from data_foundation.errors import FoundationError
from data_foundation.readers.sql.database_settings import find_connection
from data_foundation.readers.sql.table_reader import open_database


def find_tables(folder: Path, pattern: TablePattern) -> Mapping[str, Hints]:
    """Returns the tables that match the patterns of a resource, ordered by name, each with its primary key.

    Raises:
        FoundationError: The database cannot be reached, or no table matches.
    """
    kwargs = kwargs_of(pattern.raw)
    given = kwargs["tables"]
    patterns = [given] if isinstance(given, str) else given
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise FoundationError(
            f"{folder.name}: tables: got {given!r}; accepted is a pattern, for instance crm_*, or a list"
        )
    connection = find_connection(folder.name, str(kwargs.get("connection")))
    with open_database(connection) as database:
        there = database.tables(kwargs.get("schema"))
    found: dict[str, Hints] = {table: _hints(there[table]) for table in sorted(there) if _is_meant(table, patterns)}
    if not found:
        place = f"schema '{kwargs['schema']}'" if kwargs.get("schema") else "the search path"
        some = ", ".join(sorted(there)[:10]) or "nothing at all"
        raise FoundationError(f"{connection}: no table in {place} matches {', '.join(patterns)}; there is {some}")
    return found


def _hints(key: Sequence[str]) -> Hints:
    return {"primary_key": list(key)} if key else {}


def _is_meant(table: str, patterns: Sequence[str]) -> bool:
    """Returns True if the patterns select a table. `!` excludes; case is ignored, as in most databases."""
    name = table.lower()
    wanted = [pattern.lower() for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:].lower() for pattern in patterns if pattern.startswith("!")]
    return any(fnmatchcase(name, one) for one in wanted or ["*"]) and not any(
        fnmatchcase(name, one) for one in unwanted
    )
