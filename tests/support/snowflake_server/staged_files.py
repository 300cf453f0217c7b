"""Staged files as relations in DuckDB, with an expression for each column."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from .copy_options import Copy
from .errors import SqlError


def literal(text: str) -> str:
    """Returns a string literal in SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Returns a quoted identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


class StagedFile:
    """The DuckDB relation of a file, and its columns: name in the file, and expression."""

    def __init__(self, copy: Copy, path: Path, duck: duckdb.DuckDBPyConnection) -> None:
        self._options = copy.file_format
        source = {"PARQUET": self._parquet, "JSON": self._json, "CSV": self._csv}[copy.format]
        self.relation, self.columns, self.whole = source(path, duck)

    def _parquet(self, path: Path, duck: duckdb.DuckDBPyConnection) -> tuple[str, dict[str, str], str]:
        relation = f"read_parquet({literal(str(path))})"
        try:
            names = pq.read_schema(path).names
        except (OSError, ValueError) as error:
            raise SqlError(100142, "22000", f"Error parsing the parquet file: {error}") from error
        # DuckDB renames columns whose names differ only in case, so they are matched by position.
        described = duck.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        columns = {}
        for name, (duck_name, duck_type, *_) in zip(names, described, strict=True):
            as_text = duck_type == "BLOB" and str(self._options.get("BINARY_AS_TEXT", "TRUE")).upper() == "TRUE"
            columns[name] = f"decode({quoted(duck_name)})" if as_text else quoted(duck_name)
        whole = ", ".join(f"{literal(name)}, {expression}" for name, expression in columns.items())
        return relation, columns, f"json_object({whole})"

    def _json(self, path: Path, duck: duckdb.DuckDBPyConnection) -> tuple[str, dict[str, str], str]:
        layout = "array" if str(self._options.get("STRIP_OUTER_ARRAY", "")).upper() == "TRUE" else "newline_delimited"
        how = f"format={literal(layout)}, compression={literal(_compression(path))}"
        relation = f"read_json_objects({literal(str(path))}, {how})"
        if path.stat().st_size == 0:
            relation = "(SELECT NULL::JSON AS json WHERE false)"
        keys = duck.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {relation}").fetchall()
        columns = {key: f"nullif(json_extract(json, {literal(_json_path(key))}), 'null'::JSON)" for (key,) in keys}
        return relation, columns, "json"

    def _csv(self, path: Path, duck: duckdb.DuckDBPyConnection) -> tuple[str, dict[str, str], str]:
        header = str(self._options.get("PARSE_HEADER", "FALSE")).upper() == "TRUE"
        enclosed = str(self._options.get("FIELD_OPTIONALLY_ENCLOSED_BY", ""))
        null_if: Any = self._options.get("NULL_IF", ["\\N"])
        nulls = ", ".join(literal(value) for value in ([null_if] if isinstance(null_if, str) else null_if))
        relation = (
            f"read_csv({literal(str(path))}, all_varchar=true, header={header}, nullstr=[{nulls}],"
            f" skip={int(self._options.get('SKIP_HEADER', 0))}, compression={literal(_compression(path))},"
            f" delim={literal(str(self._options.get('FIELD_DELIMITER', ',')))},"
            f" quote={literal('' if enclosed.upper() == 'NONE' else enclosed)})"
        )
        names = [row[0] for row in duck.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
        return relation, {name: quoted(name) for name in names}, "NULL"

    def type_of(self, expression: str, duck: duckdb.DuckDBPyConnection) -> str:
        """Returns DuckDB's type of an expression over the file."""
        described: tuple[Any, ...] = duck.execute(f"DESCRIBE SELECT {expression} FROM {self.relation}").fetchall()[0]
        return str(described[1])

    def loaded(self, expression: str, target: str, duck: duckdb.DuckDBPyConnection) -> str:
        """Returns the expression as Snowflake stores it in a column of the target type."""
        source = self.type_of(expression, duck)
        if target == "JSON":
            # A string stays a string, whatever its text; only PARSE_JSON would convert it.
            return expression if source == "JSON" else f"to_json({expression})"
        if source == "JSON":
            expression, source = f"({expression} ->> '$')", "VARCHAR"
        if target == "BLOB" and source == "VARCHAR":
            return self._binary(expression)
        return f"CAST({expression} AS {target})"

    def _binary(self, text: str) -> str:
        encoding = str(self._options.get("BINARY_FORMAT", "HEX")).upper()
        return {"BASE64": f"from_base64({text})", "UTF-8": f"encode({text})"}.get(encoding, f"unhex({text})")


def _compression(path: Path) -> str:
    with path.open("rb") as file:
        return "gzip" if file.read(2) == b"\x1f\x8b" else "none"


def _json_path(key: str) -> str:
    return '$."' + key.replace('"', '\\"') + '"'
