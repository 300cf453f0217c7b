"""What one load is going to do to Snowflake's tables, as statements, and which of them are one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from dlt.common.data_writers.escape import escape_snowflake_literal

if TYPE_CHECKING:
    from data_foundation.warehouses.base import Statement

FILES_PER_COPY = 1000
"""As many as COPY takes by name."""


@dataclass
class StagedFiles:
    """Parquet files in the stage of one table.

    Attributes:
        table: Its full name, quoted.
        folder: Where the files are, for instance @"DB"."RAW"."%T"/"1700000000.1".
        columns: Name in the file, name in the table, and whether it is JSON.
        names: Of the files.
    """

    table: str
    folder: str
    columns: Sequence[tuple[str, str, bool]]
    names: list[str] = field(default_factory=list)

    def copy_statements(self) -> Iterator[str]:
        """Yields the COPY of every thousand files, which Snowflake loads side by side.

        The files were extracted for this load alone and the transaction decides whether they count: what COPY
        remembers of an earlier attempt must not leave any out, hence FORCE.
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
        """Returns where COPY reads from, and how columns find each other.

        JSON comes as text, and matched by name it would stay text inside a VARIANT.
        """
        folder = escape_snowflake_literal(self.folder)
        if not any(is_json for _, _, is_json in self.columns):
            return f" FROM {folder}", "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE "
        names = ", ".join(name for _, name, _ in self.columns)
        values = ", ".join(f'PARSE_JSON($1:"{key}")' if is_json else f'$1:"{key}"' for key, _, is_json in self.columns)
        return f" ({names}) FROM (SELECT {values} FROM {folder})", ""  # noqa: S608 - names are dlt's, normalised


class OneLoad:
    """What a load is going to do to the tables, gathered while its files are staged.

    Attributes:
        first: Done before anything else in the transaction.
        emptied: Tables that a replace fills anew.
        staging: Files for tables of the staging schema, which nobody reads.
        final: Files for the tables themselves.
        merges: Statements that take rows from the staging schema.
        error: What the first job that failed said; the session is gone or the load is lost, so no other job is begun.
    """

    def __init__(self, first: Sequence[Statement]) -> None:
        self.first = list(first)
        self.emptied: list[str] = []
        self.staging: dict[str, StagedFiles] = {}
        self.final: dict[str, StagedFiles] = {}
        self.merges: list[str] = []
        self.error: Exception | None = None
        self._lock = Lock()

    def add_file(self, staged: StagedFiles, name: str, *, is_staging: bool) -> None:
        """Adds a file that lies in its stage; workers do so side by side."""
        with self._lock:
            tables = self.staging if is_staging else self.final
            tables.setdefault(staged.table, staged).names.append(name)

    def add_merge(self, statements: Sequence[str]) -> None:
        """Adds what takes a table's rows from the staging schema."""
        with self._lock:
            self.merges += statements

    def before(self) -> Iterator[str]:
        """Yields what must not be in the transaction: it commits, and reads only what is committed already."""
        for staged in self.staging.values():
            yield from staged.copy_statements()
        yield from (statement for statement in self.merges if _is_ddl(statement))

    def changes(self) -> Iterator[Statement]:
        """Yields what readers see, in its order."""
        yield from self.first
        yield from ((f"DELETE FROM {table}", ()) for table in self.emptied)  # noqa: S608 - quoted by dlt
        for staged in self.final.values():
            yield from ((statement, ()) for statement in staged.copy_statements())
        yield from ((statement, ()) for statement in self.merges if not _is_ddl(statement))

    def folders(self) -> Iterator[str]:
        """Yields the places of all staged files, those of an earlier attempt included."""
        yield from (staged.folder for staged in (*self.staging.values(), *self.final.values()))


def _is_ddl(statement: str) -> bool:
    return statement.lstrip().upper().startswith(("CREATE", "DROP", "ALTER"))
