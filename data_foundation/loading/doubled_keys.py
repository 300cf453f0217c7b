"""Refuses a load that has several rows of one key, where the warehouse would take all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from data_foundation.errors import ValueRefused
from data_foundation.loading.schema.normalized_files import find_files
from data_foundation.naming import normalize
from data_foundation.sql_text import quote_name

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.loading.pipeline import TablePipeline

_BY_MERGE_STATEMENT = {"merge upsert", "merge insert-only"}
"""Strategies for which dlt sends one MERGE: it inserts each row of a new key, and PostgreSQL fails on a known one.

With delete-insert, dlt keeps one row of each key.
"""


def refuse_doubled_keys(resource: ResourceConfig, pipeline: TablePipeline) -> None:
    """Looks at the files of a load before they are loaded.

    Args:
        resource: The resource, with what its code declares.
        pipeline: Its pipeline, after `normalize`.

    Raises:
        ValueRefused: Several rows have the same key; rows without a key are not counted.
    """
    if resource.meeting not in _BY_MERGE_STATEMENT or not (files := find_files(pipeline.dlt).get(pipeline.table)):
        return
    keys = [normalize(name) for name in resource.key_columns]
    with duckdb.connect() as connection:
        rows = connection.read_parquet(files, union_by_name=True)
        known = rows.filter(" AND ".join(f"{quote_name(key)} IS NOT NULL" for key in keys))
        count = known.aggregate("count(*) AS n", ", ".join(map(quote_name, keys))).filter("n > 1").count("n").fetchone()
    if count and count[0]:
        message = (
            f"{count[0]:,} values of the primary key ({', '.join(keys)}) come several times in this load, and "
            f"{resource.write_disposition.strategy} would add each of their rows; nothing was written. Yield one row "
            "for each key, or use `write_disposition: merge`, which keeps one: with incremental the newest"
        )
        raise ValueRefused(message)
