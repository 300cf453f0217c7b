"""Tests of storage in DuckDB: the format of the file, compression of columns, and intermediate files."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from data_foundation.warehouses.duckdb.bounded_copy import BoundedCopy
from data_foundation.warehouses.duckdb.warehouse import FORMAT
from tests.support.trees import Tree

ROWS = [{"id": number, "name": f"number {number % 7}", "lines": [{"sku": f"a-{number}"}]} for number in range(5_000)]
VERSION = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'warehouse'"
KEPT = "SELECT DISTINCT column_name, compression FROM pragma_storage_info('raw.{table}') WHERE segment_type = 'VARCHAR'"


@pytest.fixture
def shop(tree: Tree) -> Tree:
    """A checkout with a source, before its first load."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append}]")
    tree.give("shop", ROWS)
    return tree


def kept(tree: Tree, table: str) -> dict[str, str]:
    """Returns the compression of each text column of a table."""
    return dict(tree.query(KEPT.format(table=table)))


def test_texts_are_compressed_as_by_duckdb_2(shop: Tree) -> None:
    """Text columns have DuckDB 2's compression; random ids are not compressed."""
    shop.load("shop.orders")
    assert shop.query(VERSION) == [f"{FORMAT}+"]
    assert kept(shop, "orders") == {"_dlt_id": "Uncompressed", "_dlt_load_id": "DICT_FSST", "name": "DICT_FSST"}
    assert kept(shop, "orders__lines") == {"_dlt_id": "Uncompressed", "_dlt_parent_id": "DICT_FSST", "sku": "DICT_FSST"}


def test_a_file_keeps_its_storage_format(shop: Tree) -> None:
    """A file that an older DuckDB has created can still be read by it."""
    path = Path(shop.warehouse.path)
    path.parent.mkdir()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")
        [before] = connection.execute(VERSION).fetchall()
    shop.load("shop.orders")
    assert shop.query(VERSION) == [before[0]] != [f"{FORMAT}+"]
    assert "DICT_FSST" not in kept(shop, "orders").values()
    assert shop.load("shop.orders").row_count == 2 * len(ROWS)


def test_intermediate_files_are_not_compressed(shop: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressing and decompressing the intermediate files would take longer than writing and reading them."""
    found: set[str] = set()

    def look(job: BoundedCopy) -> None:
        metadata = pq.read_metadata(job._file_path)
        found.update(metadata.row_group(0).column(index).compression for index in range(metadata.num_columns))
        copy(job)

    copy: Any = BoundedCopy.run
    monkeypatch.setattr(BoundedCopy, "run", look)
    assert shop.load("shop.orders").row_count == len(ROWS)
    assert found == {"UNCOMPRESSED"}
