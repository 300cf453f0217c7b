"""Answers to statements, in the form that clients read."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from fakesnow.arrow import to_ipc, to_sf
from fakesnow.rowtype import ColumnInfo, describe_as_rowtype
from fakesnow.statement_type import UNKNOWN


@dataclass
class Answer:
    """A result: the result part of the response, and its number of rows."""

    data: dict[str, Any]
    rows: int = 0
    kind: int = UNKNOWN
    names: list[str] = field(default_factory=list)


def rows_answer(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]], kind: int = UNKNOWN, affected: int | None = None
) -> Answer:
    """Returns a result of the server itself: columns with DuckDB's types, and rows."""
    rowtype = describe_as_rowtype([(name, duck_type, None, None, None, None) for name, duck_type in columns])
    rowset = [[None if value is None else str(value) for value in row] for row in rows]
    data = {"queryResultFormat": "json", "rowset": rowset, "rowtype": rowtype, "total": len(rows)}
    return Answer(data, len(rows) if affected is None else affected, kind)


def status(words: str = "Statement executed successfully.", kind: int = UNKNOWN) -> Answer:
    """Returns the one-line answer of a statement without a result."""
    return rows_answer([("status", "VARCHAR")], [[words]], kind, affected=0)


def counted(counts: dict[str, int], kind: int) -> Answer:
    """Returns the answer of DML: the number of inserted, updated or deleted rows."""
    columns = [(name, "BIGINT") for name in counts]
    return rows_answer(columns, [list(counts.values())], kind, affected=sum(counts.values()))


def table_answer(table: pa.Table, rowtype: list[ColumnInfo], kind: int) -> Answer:
    """Returns the result of a query."""
    content = b64encode(to_ipc(to_sf(table, rowtype))).decode()
    data = {"queryResultFormat": "arrow", "rowsetBase64": content, "rowtype": rowtype, "total": table.num_rows}
    return Answer(data, table.num_rows, kind)
