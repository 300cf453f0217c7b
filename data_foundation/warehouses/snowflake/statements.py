"""The SQL statements of one load into Snowflake, and which of them are one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from dlt.common.data_writers.escape import escape_snowflake_literal

from data_foundation.warehouses.connection import is_ddl
from data_foundation.warehouses.one_load import OneLoad

if TYPE_CHECKING:
    from data_foundation.warehouses.connection import Statement
    from data_foundation.warehouses.fence import Fence

FILES_PER_COPY = 1000
"""The most file names that one COPY accepts."""


@dataclass
class StagedFiles:
    """Parquet files in the stage of one table.

    Attributes:
        table: Full name of the table, quoted.
        folder: Folder of the stage, for instance @"DB"."RAW"."%T"/"1700000000.1"/.
        columns: For each column: name in the file, quoted name in the table, and whether it is JSON.
        names: File names.
    """

    table: str
    folder: str
    columns: Sequence[tuple[str, str, bool]]
    names: list[str] = field(default_factory=list)

    def copy_statements(self) -> Iterator[str]:
        """Yields one COPY for each `FILES_PER_COPY` files, which Snowflake loads in parallel.

        FORCE, because COPY would skip files that an attempt loaded before its transaction was rolled back.
        """
        source, match = self._source()
        options = "TYPE = 'PARQUET', BINARY_AS_TEXT = FALSE, USE_LOGICAL_TYPE = TRUE"
        for start in range(0, len(self.names), FILES_PER_COPY):
            names = ", ".join(map(escape_snowflake_literal, self.names[start : start + FILES_PER_COPY]))
            yield (
                f"COPY INTO {self.table}{source} FILES = ({names}) FILE_FORMAT = ({options}) "
                f"{match}ON_ERROR = ABORT_STATEMENT FORCE = TRUE"
            )

    def _source(self) -> tuple[str, str]:
        """Returns COPY's source, and its option that matches columns by name.

        JSON is text in the files. Matched by name it would be a string in a VARIANT, so PARSE_JSON is selected.
        """
        folder = escape_snowflake_literal(self.folder)
        if not any(is_json for _, _, is_json in self.columns):
            return f" FROM {folder}", "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE "
        names = ", ".join(name for _, name, _ in self.columns)
        values = ", ".join(f'PARSE_JSON($1:"{key}")' if is_json else f'$1:"{key}"' for key, _, is_json in self.columns)
        return f" ({names}) FROM (SELECT {values} FROM {folder})", ""  # noqa: S608 - names are dlt's, normalised


class StagedLoad(OneLoad):
    """The statements of one load, collected while its files are staged.

    Attributes:
        first: Statements executed before all others in the transaction.
        fence: What must still hold at the commit; None for nothing.
        emptied: Quoted names of tables whose rows a replace removes.
        staging: Staged files for tables of the staging schema, by table; readers do not use that schema.
        final: Staged files for the tables that readers use, by table.
        merges: Statements that merge rows from the staging schema.
    """

    def __init__(self, first: Sequence[Statement], fence: Fence | None = None) -> None:
        super().__init__()
        self.fence = fence
        self.first = list(first)
        self.emptied: list[str] = []
        self.staging: dict[str, StagedFiles] = {}
        self.final: dict[str, StagedFiles] = {}
        self.merges: list[str] = []
        self._lock = Lock()

    def add_file(self, staged: StagedFiles, name: str, *, is_staging: bool) -> None:
        """Adds a file that is in its stage. Called by several workers at once."""
        with self._lock:
            tables = self.staging if is_staging else self.final
            tables.setdefault(staged.table, staged).names.append(name)

    def add_merge(self, statements: Sequence[str]) -> None:
        """Adds the statements that merge a table's rows from the staging schema."""
        with self._lock:
            self.merges += statements

    def before(self) -> Iterator[str]:
        """Yields the statements before the transaction: DDL, which commits, and COPY into the staging schema."""
        for staged in self.staging.values():
            yield from staged.copy_statements()
        yield from (statement for statement in self.merges if is_ddl(statement))

    def changes(self) -> Iterator[Statement]:
        """Yields the statements of the transaction, in their order, with their values."""
        yield from self.first
        yield from ((f"DELETE FROM {table}", ()) for table in self.emptied)  # noqa: S608 - quoted by dlt
        for staged in self.final.values():
            yield from ((statement, ()) for statement in staged.copy_statements())
        yield from ((statement, ()) for statement in self.merges if not is_ddl(statement))

    def folders(self) -> Iterator[str]:
        """Yields the stage folders of all files, including those of an earlier attempt."""
        yield from (staged.folder for staged in (*self.staging.values(), *self.final.values()))
