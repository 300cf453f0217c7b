"""Compares the keys of a source with those of its table, in a DuckDB file: memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet

from data_foundation.errors import LoadError
from data_foundation.naming import normalize
from data_foundation.sql_text import quote_name, quote_text
from data_foundation.warehouses.duckdb.utc_session import in_utc

if TYPE_CHECKING:
    from data_foundation.loading.deletes.key_table import Key
    from data_foundation.readers.deleted_rows import SourceKeys

ROWS_AT_A_TIME = 50_000
_MEMORY = "512MB"
_MARKED = "is marked"
"""Name of a column, which no column of dlt's has, as it contains a space."""


class KeyComparison:
    """Both sets of keys, and their differences."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, keys: SourceKeys) -> None:
        """Opens the keys of the source.

        Args:
            connection: DuckDB with an empty file, which larger sets are written to.
            keys: The keys of the source.
        """
        self._connection, self._keys = connection, keys
        self._columns = [quote_name(name) for name in keys.columns]
        self._schema = pa.parquet.read_schema(keys.path) if keys.path else None

    @classmethod
    @contextmanager
    def open(cls, keys: SourceKeys, folder: str, *, anew: bool = True) -> Iterator[KeyComparison]:
        """Yields a comparison.

        Args:
            keys: The keys of the source.
            folder: A folder for files of the comparison.
            anew: False for the comparison with keys of the table that was made in this folder before.
        """
        file = Path(folder) / "compared_keys.duckdb"
        if anew:
            file.unlink(missing_ok=True)
        with duckdb.connect(str(file), config={"memory_limit": _MEMORY}) as connection:
            yield cls(in_utc(connection), keys)

    def add_table(self, pages: Iterator[list[tuple[Any, ...]]]) -> None:
        """Adds the keys of the table.

        Args:
            pages: Rows of `KeyTable.read`.

        Raises:
            LoadError: A value of the table is not of the type that the source has.
        """
        is_new = True
        for page in pages:
            arrow = self._as_arrow(page)
            self._connection.register("page", arrow)
            self._connection.execute(f"{'CREATE TABLE landed AS' if is_new else 'INSERT INTO landed'} FROM page")
            self._connection.unregister("page")
            is_new = False
        if is_new:
            names = ", ".join(f"{name} VARCHAR" for name in self._columns)
            self._connection.execute(f"CREATE TABLE landed ({quote_name(_MARKED)} BOOLEAN, {names})")

    def _as_arrow(self, page: list[tuple[Any, ...]]) -> Any:
        marked, *values = zip(*page, strict=True)
        columns = {_MARKED: pa.array(marked, pa.bool_())}
        for name, column in zip(self._keys.columns, values, strict=True):
            kind = self._schema.field(name).type if self._schema else None
            try:
                columns[name] = pa.array([bytes(one) if isinstance(one, memoryview) else one for one in column], kind)
            except (pa.ArrowException, TypeError, ValueError) as error:
                message = (
                    f"deleted: column {name} of the key is {kind} in the database, and the table has values of "
                    f"another type ({error}); nothing was written. Load the table again with `--refresh drop`"
                )
                raise LoadError(message) from None
        return pa.table(columns)

    def count(self) -> int:
        """Returns the number of rows of the table that are not marked as deleted."""
        return self._count(f"landed WHERE NOT {quote_name(_MARKED)}")

    def count_gone(self) -> int:
        """Returns the number of rows whose key the source has no more."""
        return self._count(self._gone)

    def gone(self) -> Iterator[Key]:
        """Yields the keys of rows that the source has no more."""
        yield from self._select(self._gone)

    def returned(self) -> Iterator[Key]:
        """Yields the keys of rows that are marked as deleted, and that the source has again."""
        if self._schema:
            yield from self._select(f"landed SEMI JOIN {self._source} USING {self._using} WHERE {quote_name(_MARKED)}")

    def count_missing(self, files: Sequence[str]) -> int:
        """Returns the number of keys of the source in the scope that neither the table nor a load has.

        Args:
            files: Parquet files with the rows of the load; their columns have the names of the table.
        """
        if not self._keys.in_scope:
            return 0
        missing = f"read_parquet({quote_text(self._keys.in_scope)}) AS source ANTI JOIN landed USING {self._using}"
        if files:
            pairs = [f"loaded.{quote_name(normalize(name))} = source.{quote_name(name)}" for name in self._keys.columns]
            self._connection.read_parquet(list(files), union_by_name=True).create_view("loaded", replace=True)
            missing = f"(SELECT source.* FROM {missing}) AS source ANTI JOIN loaded ON {' AND '.join(pairs)}"  # noqa: S608 - quoted
        return self._count(missing)

    @property
    def _source(self) -> str:
        return f"read_parquet({quote_text(self._keys.file)})"

    @property
    def _using(self) -> str:
        return f"({', '.join(self._columns)})"

    @property
    def _gone(self) -> str:
        known = " AND ".join(f"{name} IS NOT NULL" for name in self._columns)
        join = f" ANTI JOIN {self._source} USING {self._using}" if self._schema else ""
        return f"landed{join} WHERE NOT {quote_name(_MARKED)} AND {known}"

    def _count(self, rows: str) -> int:
        found = self._connection.execute(f"SELECT count(*) FROM {rows}").fetchone()  # noqa: S608 - quoted
        return int(found[0]) if found else 0

    def _select(self, rows: str) -> Iterator[Key]:
        selected = f"SELECT {', '.join(self._columns)} FROM {rows}"  # noqa: S608 - quoted
        for batch in self._connection.execute(selected).to_arrow_reader(ROWS_AT_A_TIME):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
