"""What each engine keeps, and how it is known: the table of docs/reference/warehouses.md and of `foundation check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

Proof = Literal["proven", "by protocol", "compiled", "untested", "no"]
"""Proven: the contract suite runs on a real server or file. By protocol: it runs on a stand-in with the same protocol.
Compiled: the statements are built and compared in tests; no server has executed them. Untested: the code is that
of other engines, and nothing has run it here. No: not kept."""

PROMISES: Mapping[str, str] = {
    "whole": "A load takes effect as a whole, nested tables and dlt's own included",
    "replace": "A replaced table is never empty in between",
    "killed": "A killed load and one ordinary re-run lose and double nothing",
    "machines": "Two machines may load one table at once",
    "state": "State and schema are in the warehouse",
    "pending": "A pending load is finished first, and only after its parent",
    "keys": "Keys are unique and never empty, checked before rows are written",
    "values": "A value arrives exactly or is refused",
    "types": "A column's type changes where no value is lost, else the load is refused",
    "dbt": "dbt builds in it",
    "copy": "`foundation copy` moves its tables, compared row by row",
}

COLUMNS: Mapping[str, str] = {
    "duckdb": "DuckDB",
    "postgres": "PostgreSQL",
    "snowflake": "Snowflake",
    "ducklake": "DuckLake",
    "delta": "Lake, Delta",
    "iceberg": "Lake, Iceberg",
    "parquet": "Lake, parquet",
    "mariadb": "MariaDB",
    "sqlite": "SQLite",
    "sqlalchemy": "Other databases of SQLAlchemy",
    "databricks": "Databricks",
    "general": "Any other destination",
}
"""The engines of the table, with their names."""

_PROVEN: Mapping[str, Proof] = dict.fromkeys(PROMISES, "proven")
_STAND_IN: Mapping[str, Proof] = dict.fromkeys(PROMISES, "by protocol")
_LAKE: Mapping[str, Proof] = {**_PROVEN, **dict.fromkeys(("whole", "types", "copy"), "no")}
_GENERAL: Mapping[str, Proof] = {
    **dict.fromkeys(PROMISES, "untested"),
    "values": "compiled",
    **dict.fromkeys(("whole", "replace", "killed", "machines", "types", "dbt", "copy"), "no"),
}

KEPT: Mapping[str, Mapping[str, Proof]] = {
    "duckdb": {**_PROVEN, "machines": "no"},
    "postgres": _PROVEN,
    "snowflake": _STAND_IN,
    "ducklake": {**_PROVEN, "types": "no"},
    "delta": _LAKE,
    "iceberg": _LAKE,
    "parquet": _LAKE,
    "mariadb": {**_PROVEN, "dbt": "no"},
    "sqlite": {**_PROVEN, "machines": "no", "types": "no", "dbt": "no"},
    "sqlalchemy": {**dict.fromkeys(PROMISES, "untested"), **dict.fromkeys(("values", "types", "dbt", "copy"), "no")},
    "databricks": {**_GENERAL, "dbt": "untested"},
    "general": _GENERAL,
}

WITH_PROFILE = frozenset({"athena", "bigquery", "fabric", "motherduck", "mssql", "redshift"})
"""Destinations without an engine of their own that have a target in `dbt_project/profiles.yml`."""

_COPIED = frozenset({"proven", "by protocol"})

INSTEAD: Mapping[str, str] = {
    "whole": "tables change one after another, dlt's list of loads last; a lake undoes a load that fails or is killed",
    "replace": "dlt may empty the table first, where its destination has no staging for replace",
    "killed": "a merge or a replace that is repeated gives the right rows, an append may leave rows twice",
    "machines": "a second load is refused when it ends, and an append may have left rows; run one machine at a time",
    "types": "a load with another type is refused; `refresh: drop` makes the table anew",
    "values": "dlt's types may round or cut; load a sample and compare",
    "dbt": "set up dbt yourself, or use another warehouse for models",
    "copy": "the command refuses; load the table again in the other warehouse",
}
"""What happens where a promise is not kept."""

BY_COLLATION = frozenset({"mssql", "fabric", "synapse"})
COLLATION = (
    "texts are compared by the collation of the database, usually without case, so a merge takes `a` and `A` for one "
    "key; create the database with a binary collation, for instance Latin1_General_100_BIN2_UTF8"
)

OF_FILES: Mapping[str, str] = {"machines": "the file is on one machine, and its processes take turns"}
"""The same for engines whose tables are a file."""


def find_kept(kind: str, backend: str = "") -> Mapping[str, Proof]:
    """Returns how each promise is kept by a warehouse.

    Args:
        kind: The engine, as in `WAREHOUSE`.
        backend: SQLAlchemy's name of the database, or the format of a lake; "" for another engine.
    """
    name = {"mysql": "mariadb", "filesystem": "delta", "lake": "delta"}.get(backend or kind, backend or kind)
    kept = KEPT.get(name) or KEPT["sqlalchemy" if backend else "general"]
    return {**kept, "dbt": "untested"} if name in WITH_PROFILE else kept


def is_copied(kind: str, backend: str = "") -> bool:
    """Returns whether every value is read back as it was written, so that tables can be copied."""
    return find_kept(kind, backend)["copy"] in _COPIED


def find_copied() -> Iterator[str]:
    """Yields the engines whose tables can be copied."""
    return (name for name, kept in KEPT.items() if kept["copy"] in _COPIED)


def find_broken(kind: str, backend: str = "") -> Iterator[str]:
    """Yields one sentence for each promise that a warehouse does not keep; arguments as of `find_kept`."""
    if "untested" in find_kept(kind, backend).values():
        yield "no test has run on this engine; `make test-live` runs the contract suite on it"
    instead = {**INSTEAD, **(OF_FILES if "sqlite" in {kind, backend} else {})}
    for promise, proof in find_kept(kind, backend).items():
        if proof == "no":
            yield f"not kept: {PROMISES[promise]}: {instead[promise]}"
    if kind in BY_COLLATION:
        yield f"keys: {COLLATION}"


def build_table() -> str:
    """Returns the table of promises and engines as Markdown."""
    rows = ["| Promise | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for promise, sentence in PROMISES.items():
        rows.append(f"| {sentence} | " + " | ".join(KEPT[name][promise] for name in COLUMNS) + " |")
    return "\n".join(rows)


def build_meanings() -> str:
    """Returns what happens where a promise is not kept, as a list in Markdown."""
    listed = [f"- {PROMISES[promise]}: {instead}." for promise, instead in INSTEAD.items()]
    listed.append(f"- SQL Server, Fabric and Synapse: {COLLATION}.")
    targets = "Athena, BigQuery, Fabric, MotherDuck, Redshift and SQL Server"
    listed.append(f"- dbt, in {targets}: `profiles.yml` has a target, which no server has run; install dbt's adapter.")
    files = "DuckDB, SQLite, and a DuckLake whose catalogue is in SQLite"
    return "\n".join([*listed, f"- Two machines, in {files}: {OF_FILES['machines']}."])
