"""COPY INTO a table from staged files: selection of files, mapping of columns, and load history."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlglot
from fakesnow.statement_type import COPY
from sqlglot import exp

from .answers import Answer, rows_answer
from .copy_options import Copy, read_copy
from .errors import SqlError, object_missing
from .session import Session
from .staged_files import StagedFile, quoted
from .stages import StagedFiles, checksum, identifiers, qualify, staged_path

_COLUMNS = [
    ("file", "VARCHAR"), ("status", "VARCHAR"), ("rows_parsed", "BIGINT"), ("rows_loaded", "BIGINT"),
    ("error_limit", "BIGINT"), ("errors_seen", "BIGINT"), ("first_error", "VARCHAR"), ("first_error_line", "BIGINT"),
    ("first_error_character", "BIGINT"), ("first_error_column_name", "VARCHAR"),
]  # fmt: skip
_HISTORY = "_fs_information_schema._fs_load_history"
# An element of the file's row, as in $1:"id" or $1:id.
_ELEMENT = re.compile(r'\$1:(?:"((?:[^"]|"")+)"|(\w+))')
_OF_FILE = "__FILE__"

ToDuck = Callable[[exp.Expression], exp.Expression]


def copy_into(session: Session, files: StagedFiles, text: str, to_duck: ToDuck) -> Answer:
    """Loads staged files into a table, all or none.

    Args:
        session: Session with table names and transaction.
        files: Staged files.
        text: The statement.
        to_duck: Translates an expression from Snowflake's dialect to DuckDB's.

    Returns:
        A row for each file, like Snowflake's.

    Raises:
        SqlError: An object does not exist, or a value does not fit.
    """
    copy = read_copy(text)
    table = qualify(session, identifiers(copy.table))
    staged = staged_path(session, copy.stage)
    if staged.stage.startswith("%") and (staged.database, staged.schema, staged.stage[1:]) != table:
        raise SqlError(
            1023, "42601", "SQL compilation error:\nAccess to the stage area of another table is not allowed."
        )
    chosen = _chosen(copy, staged.path, files.files(staged))
    if not chosen:
        return rows_answer([("status", "VARCHAR")], [["Copy executed with 0 files processed."]], COPY, affected=0)
    target = _Target(session, table, copy)

    def load_all() -> list[list[Any]]:
        return [target.load(name, path, to_duck) for name, path in chosen]

    rows = session.write(load_all)
    if copy.is_on("PURGE"):
        _purge(session, [path for _, path in chosen])
    return rows_answer(_COLUMNS, rows, COPY, affected=sum(row[3] for row in rows))


def _purge(session: Session, paths: list[Path]) -> None:
    def remove() -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    # The files are kept until the commit, in case the transaction is rolled back.
    if session.in_transaction:
        session.at_commit(remove)
    else:
        remove()


def _chosen(copy: Copy, prefix: str, found: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
    if "FILES" in copy.options:
        by_name = dict(found)
        folder = prefix.rstrip("/") + "/" if prefix else ""
        names = [folder + name.lstrip("/") for name in copy.options["FILES"]]
        if missing := [name for name in names if name not in by_name]:
            raise SqlError(
                91016,
                "22000",
                f"Remote file '{missing[0]}' was not found. The file might not exist.",
            )
        return [(name, by_name[name]) for name in names]
    if pattern := copy.options.get("PATTERN"):
        return [(name, path) for name, path in found if re.fullmatch(pattern, name)]
    return found


class _Target:
    """The target table of a COPY, with its options."""

    def __init__(self, session: Session, table: tuple[str, str, str], copy: Copy) -> None:
        self._duck, self._copy, self._key = session.duck, copy, table
        temporary = session.temporary.get(table)
        self._name = quoted(temporary) if temporary else ".".join(map(quoted, table))
        known = self._duck.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND schema_name = ?"
            " AND database_name = ? ORDER BY column_index",
            (temporary, "main", "temp") if temporary else (table[2], table[1], table[0]),
        ).fetchall()
        if not known:
            raise object_missing("Table", ".".join(table))
        self._types: dict[str, str] = dict(known)
        self._history = f"{quoted(table[0])}.{_HISTORY}"

    def load(self, name: str, path: Path, to_duck: ToDuck) -> list[Any]:
        """Loads one file, unless the load history contains it."""
        loaded_as = f"{path}#{checksum(path)}"
        if not self._copy.is_on("FORCE") and self._was_loaded(loaded_as):
            return [name, "LOAD_SKIPPED", 0, 0, None, 1, "File was loaded before.", None, None, None]
        file = StagedFile(self._copy, path, self._duck)
        columns = self._columns(file, to_duck)
        into = ", ".join(map(quoted, columns))
        values = ", ".join(columns.values())
        sql = f"INSERT INTO {self._name} ({into}) SELECT {values} FROM {file.relation}"
        (count,) = self._duck.execute(sql).fetchall()[0]
        self._duck.execute(
            f"INSERT INTO {self._history} (SCHEMA_NAME, FILE_NAME, TABLE_NAME, LAST_LOAD_TIME, STATUS, ROW_COUNT)"
            " VALUES (?, ?, ?, now(), 'LOADED', ?)",
            (self._key[1], loaded_as, self._key[2], count),
        )
        return [name, "LOADED", count, count, 1, 0, None, None, None, None]

    def _was_loaded(self, loaded_as: str) -> bool:
        sql = f"SELECT 1 FROM {self._history} WHERE (SCHEMA_NAME, TABLE_NAME, FILE_NAME) = (?, ?, ?) LIMIT 1"
        return bool(self._duck.execute(sql, (self._key[1], self._key[2], loaded_as)).fetchone())

    def _columns(self, file: StagedFile, to_duck: ToDuck) -> dict[str, str]:
        """Returns the loaded columns of the table with their expressions."""
        if self._copy.projection is not None:
            expressions = _projected(self._copy.projection, file, to_duck)
            names = self._copy.columns or list(self._types)[: len(expressions)]
            if len(names) != len(expressions):
                raise SqlError(
                    2020,
                    "21S01",
                    "SQL compilation error:\nInsert value list does not match column list expecting "
                    f"{len(names)} but got {len(expressions)}",
                )
            pairs = dict(zip(names, expressions, strict=True))
        elif (mode := str(self._copy.options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()) != "NONE":
            # A file with none of the table's columns still has rows.
            pairs = self._matched(file, case_sensitive=mode == "CASE_SENSITIVE") or {next(iter(self._types)): "NULL"}
        elif self._copy.format == "CSV":
            names = self._copy.columns or list(self._types)
            pairs = dict(zip(names, file.columns.values(), strict=False))
        elif list(self._types.values()) == ["JSON"]:
            pairs = {next(iter(self._types)): file.whole}
        else:
            raise SqlError(
                2019,
                "0A000",
                f"SQL compilation error:\n{self._copy.format} file format can produce one and only one column of type "
                "variant, object, or array. Load data into separate columns using the MATCH_BY_COLUMN_NAME copy "
                "option or copy with transformation.",
            )
        return {name: file.loaded(value, self._type(name), self._duck) for name, value in pairs.items()}

    def _type(self, column: str) -> str:
        if column not in self._types:
            raise SqlError(
                904, "42000", f"SQL compilation error: error line 1 at position 0\ninvalid identifier '{column}'"
            )
        return self._types[column]

    def _matched(self, file: StagedFile, *, case_sensitive: bool) -> dict[str, str]:
        if case_sensitive:
            return {name: file.columns[name] for name in self._types if name in file.columns}
        by_upper = {name.upper(): expression for name, expression in file.columns.items()}
        return {name: by_upper[name.upper()] for name in self._types if name.upper() in by_upper}


def _projected(projection: str, file: StagedFile, to_duck: ToDuck) -> list[str]:
    """Returns the expressions of a COPY transformation, over the file's columns."""
    named = _ELEMENT.sub(lambda found: f'"{_OF_FILE}"."{found[1] or found[2]}"', projection)
    select = sqlglot.parse_one(f"SELECT {named}", read="snowflake")
    return [_over_file(to_duck(item.unalias()).sql(dialect="duckdb"), file) for item in select.expressions]


def _over_file(expression: str, file: StagedFile) -> str:
    def column(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.table == _OF_FILE:
            return sqlglot.parse_one(file.columns.get(node.name, "NULL"), read="duckdb")
        if isinstance(node, exp.Parameter) and node.name.isdigit():
            return _positional(int(node.name), file)
        return node

    return sqlglot.parse_one(expression, read="duckdb").transform(column).sql(dialect="duckdb")


def _positional(number: int, file: StagedFile) -> exp.Expression:
    values = [file.whole] if file.whole != "NULL" else list(file.columns.values())
    return sqlglot.parse_one(values[number - 1] if number <= len(values) else "NULL", read="duckdb")


def forget_loads(session: Session, table: tuple[str, str, str]) -> None:
    """Clears the load history of a table that is truncated, dropped or replaced."""
    history = f"{quoted(table[0])}.{_HISTORY}"
    session.duck.execute(f"DELETE FROM {history} WHERE (SCHEMA_NAME, TABLE_NAME) = (?, ?)", table[1:])
