"""Computes hashes of rows and of their keys, column by column, and removes repeated rows of a load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from data_foundation.errors import ValueRefused
from data_foundation.sql_text import quote_name, quote_text
from data_foundation.vault.canonical_text import as_spelt, spell

HASH_KEY, ROW_HASH, BUSINESS_KEY = "_hash_key", "_row_hash", "business_key"
HEX_DIGITS = 32
"""Digits of SHA-256 that are kept: 128 bits distinguish rows; unlike with MD5, no attack constructs a collision."""

POSITION_COLUMNS = frozenset({"_file", "_row"})
"""Columns of the file reader that are not hashed: a row is the same in another file or line."""

_POSITION = "position of the row"
_MOST_EXAMPLES = 3


class Hashes:
    """Hashes the rows of one load, page by page.

    The hash of a key covers its values in the order of `primary_key`, the hash of a row its columns in the order of
    their names, without dlt's own columns, NULLs and a row's position in a file.
    """

    def __init__(self, key: Sequence[str], folder: Path) -> None:
        """Begins without rows.

        Args:
            key: The columns of the primary key, as the warehouse spells them.
            folder: The folder for data that does not fit into memory.
        """
        self._key = list(key)
        self._db = duckdb.connect(config={"temp_directory": str(folder)})
        self._db.execute(f"CREATE TABLE seen ({HASH_KEY} VARCHAR, {BUSINESS_KEY} VARCHAR, {ROW_HASH} VARCHAR)")

    def add(self, page: pa.Table) -> pa.Table:
        """Returns a page with both hashes, without rows that were added before.

        Raises:
            ValueRefused: A row has no key.
        """
        self._refuse_empty_keys(page)
        names = sorted(
            name for name in page.column_names if not name.startswith("_dlt_") and name not in POSITION_COLUMNS
        )
        spelt = pa.table(
            {
                **{name: as_spelt(page[name]) for name in names},
                _POSITION: pa.array(range(len(page)), pa.int64()),
            }
        )
        texts = {name: spell(page.schema.field(name).type, quote_name(name)) for name in names}
        key = [texts[name] for name in self._key]
        row = [f"{quote_text(name)} || '=' || {_framed(text)}" for name, text in texts.items()]
        self._db.register("page", spelt)
        fresh = self._db.sql(
            f"SELECT * FROM (SELECT {quote_name(_POSITION)} AS place, {_hash(map(_framed, key))} AS {HASH_KEY}, "  # noqa: S608 - names are quoted
            f"concat_ws('|', {', '.join(key)}) AS {BUSINESS_KEY}, {_hash(row)} AS {ROW_HASH} FROM page) "
            f"WHERE {ROW_HASH} NOT IN (SELECT {ROW_HASH} FROM seen) "
            f"QUALIFY row_number() OVER (PARTITION BY {ROW_HASH} ORDER BY place) = 1 ORDER BY place"
        ).to_arrow_table()
        self._db.register("fresh", fresh)
        self._db.execute(f"INSERT INTO seen SELECT {HASH_KEY}, {BUSINESS_KEY}, {ROW_HASH} FROM fresh")  # noqa: S608 - the same
        kept = page.take(fresh["place"])
        for name in (HASH_KEY, ROW_HASH):
            kept = kept.append_column(name, fresh[name])
        return kept

    def keys(self) -> pa.Table:
        """Returns hash and text of every key, each once.

        Raises:
            ValueRefused: A key has two different rows.
        """
        several = self._db.sql(
            f"SELECT {BUSINESS_KEY}, count(*) OVER () FROM seen GROUP BY {HASH_KEY}, {BUSINESS_KEY} "  # noqa: S608 - the same
            f"HAVING count(*) > 1 ORDER BY {BUSINESS_KEY} LIMIT {_MOST_EXAMPLES}"
        ).fetchall()
        if several:
            listed = ", ".join(f"'{key}'" for key, _ in several)
            message = (
                f"{several[0][1]:,} keys of {', '.join(self._key)} came with rows that differ, for instance {listed}; "
                "a primary_key tells all rows of a load apart: add a column to it, or yield the newest row alone"
            )
            raise ValueRefused(message)
        return self._db.sql(
            f"SELECT {HASH_KEY}, {BUSINESS_KEY} FROM seen ORDER BY {HASH_KEY}"  # noqa: S608 - the same
        ).to_arrow_table()

    def close(self) -> None:
        """Drops all rows."""
        self._db.close()

    def _refuse_empty_keys(self, page: pa.Table) -> None:
        for name in self._key:
            empty = page[name].null_count if name in page.column_names else len(page)
            if empty:
                message = f"column {name}: {empty:,} rows have no value, and it is part of the primary_key"
                raise ValueRefused(message)


def _framed(text: str) -> str:
    """Returns SQL for a text after its length, so that no other pair of texts gives the same concatenation."""
    return f"length({text}) || ':' || {text} || ';'"


def _hash(texts: Iterable[str]) -> str:
    """Returns SQL for the hash of texts, without those that are NULL."""
    return f"left(sha256(concat({', '.join(texts)})), {HEX_DIGITS})"
