"""Loads a source folder with dlt alone, and shows what a warehouse has, so that two can be compared."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isnan
from pathlib import Path
from typing import Any

import dlt
import duckdb

IDS = {"_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_root_id", "_dlt_valid_from", "_dlt_valid_to"}
"""Columns whose values differ from one load to another; that they exist is compared."""


def import_package(folder: Path) -> Any:
    """Imports a folder as the package of its name, anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)
    return module


def run_plain(source: Any, database: Path, work_folder: Path) -> None:
    """Runs a source, or a list of resources, with one pipeline of dlt."""
    pipeline = dlt.pipeline(
        "plain",
        pipelines_dir=str(work_folder),
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="raw",
    )
    pipeline.run(source)


def describe(database: Path) -> dict[str, tuple[set[str], Counter[str]]]:
    """Returns the columns and the rows of each table; a nested row with the row that it belongs to."""
    if not database.exists():
        return {}
    with duckdb.connect(str(database), read_only=True) as connection:
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'raw' "
            "AND table_name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY ALL"
        ).fetchall():
            columns.setdefault(table, []).append(column)
        return {table: (set(names), _rows(connection, table, columns)) for table, names in columns.items()}


def _rows(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, list[str]]) -> Counter[str]:
    values = ", ".join(f'"{name}": one."{name}"' for name in columns[table] if name not in IDS)
    shown = f"{{{values}}}::VARCHAR" if values else "''"
    if "_dlt_valid_to" in columns[table]:
        shown += " || (one._dlt_valid_to IS NULL)::VARCHAR"
    parent = table.rpartition("__")[0]
    while parent and parent not in columns:
        parent = parent.rpartition("__")[0]
    sql = f'SELECT {shown} FROM raw."{table}" AS one'
    if "_dlt_parent_id" in columns[table] and parent:
        above = ", ".join(f'"{name}": up."{name}"' for name in columns[parent] if name not in IDS) or "'none': 1"
        sql = (
            f"SELECT {shown} || {{{above}}}::VARCHAR "
            f'FROM raw."{table}" AS one LEFT JOIN raw."{parent}" AS up ON up._dlt_id = one._dlt_parent_id'
        )
    return Counter(str(row[0]) for row in connection.execute(sql).fetchall())


def show_rows(database: Path) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of each table, sorted, without dlt's own columns and without NULLs; a past version is `past`."""
    if not database.exists():
        return {}
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw' "
            "AND table_name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY ALL"
        ).fetchall()
        return {name: _show(connection.execute(f'SELECT * FROM raw."{name}"')) for (name,) in names}


def _show(found: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    columns = [column[0] for column in found.description or ()]
    rows = (zip(columns, row, strict=True) for row in found.fetchall())
    return sorted((_show_row({name: value for name, value in row if value is not None}) for row in rows), key=repr)


def _show_row(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: _value(row[name]) for name in sorted(row) if not name.startswith("_dlt_")}
    return dict(sorted((shown | ({"past": True} if "_dlt_valid_to" in row else {})).items()))


def _value(value: Any) -> Any:
    """Returns moments, decimals and NaN as text, so that a case is read at a glance and equals itself."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, float) and isnan(value):
        return "nan"
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC)
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date | datetime | time) else value
