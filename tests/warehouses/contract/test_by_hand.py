"""Somebody changes a table by hand between two loads: the next run is refused, warns, or leaves every row right."""

import re
import shutil
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyiceberg.catalog.sql import SqlCatalog

from data_foundation.errors import FoundationError
from data_foundation.warehouses.connection import connect
from tests.machines.machines import KINDS, set_up
from tests.support.ducklakes import DuckLakeTree
from tests.support.lakes import IcebergTree, LakeTree, ParquetTree
from tests.support.trees import Tree
from tests.warehouses.contract.engines import ENGINES, Checkout

SQL: Mapping[str, tuple[str, ...]] = {
    "dropped": ("DROP TABLE {orders}",),
    "renamed": ("ALTER TABLE {orders} RENAME TO {new}",),
    "a view": ("ALTER TABLE {orders} RENAME TO {new}", "CREATE VIEW {orders} AS SELECT * FROM {orders_old}"),
    "emptied": ("DELETE FROM {orders}",),
    "an older copy": ("DELETE FROM {orders} WHERE id > 3",),
    "without loads": ("DROP TABLE {_dlt_loads}",),
    "without schemas": ("DROP TABLE {_dlt_version}",),
    "without states": ("DROP TABLE {_dlt_pipeline_state}",),
}
RECORDS = {"without loads": "_dlt_loads", "without schemas": "_dlt_version", "without states": "_dlt_pipeline_state"}
WARNED = ("it was emptied, or an older copy was put in its place",)
QUALIFIED = {"mariadb", "snowflake"}
"""Engines that rename a table into the session's schema, unless its new name has one."""

PLACES: Mapping[str, Callable[[pytest.FixtureRequest, Path], Checkout]] = {
    **{name: engine.share for name, engine in ENGINES.items()},
    "ducklake": lambda _request, folder: (
        lambda root: DuckLakeTree(
            root, {"DUCKLAKE_DATA": str(folder / "files"), "DUCKLAKE_CATALOG": str(folder / "lake.sqlite")}
        )
    ),
}
LAKES = {"delta", "parquet", "iceberg"}
LOADED = ("append with a cursor", "merge with a cursor", "replace")
CELLS = [
    (place, kind, change)
    for place, kind, change in product(PLACES, LOADED, SQL)
    if (place, kind) != ("parquet", "merge with a cursor") and (place not in LAKES or change != "a view")
]


def change_by_sql(tree: Tree, change: str, *, is_qualified: bool) -> None:
    """Executes the statements of a change in the schema of the table."""
    with tree.warehouse.open() as destination, connect(destination, tree.warehouse.dataset("raw")) as client:
        names = {name: client.make_qualified_table_name(name) for name in re.findall(r"{(\w+)}", " ".join(SQL[change]))}
        new = client.make_qualified_table_name("orders_old") if is_qualified else "orders_old"
        for statement in SQL[change]:
            client.execute_sql(statement.format(**{**names, "new": new}))


def change_files(tree: LakeTree, change: str) -> None:
    """Does the same to the folders of a lake; the older copy is the table after its first load."""
    folder, table = tree.lake / "raw", tree.lake / "raw" / "orders"
    if change == "renamed":
        table.rename(folder / "orders_old")
    elif change.startswith("without "):
        shutil.rmtree(folder / RECORDS[change])
    elif change == "emptied" and isinstance(tree, ParquetTree):
        for file in table.rglob("*.parquet"):
            file.unlink()
    elif change == "emptied":
        DeltaTable(str(table)).delete()
    else:
        shutil.rmtree(table)
        if change == "an older copy":
            shutil.copytree(tree.root / "older", table)


def change_iceberg(tree: IcebergTree, change: str) -> None:
    """Does the same to the table of an Iceberg catalogue."""
    catalog = SqlCatalog(
        "lake",
        uri=f"sqlite:///{tree.lake / 'iceberg.sqlite'}",
        warehouse=tree.lake.as_uri(),
        init_catalog_tables="false",
    )
    [(namespace,)] = catalog.list_namespaces()
    table = catalog.load_table((namespace, "orders"))
    if change == "dropped":
        catalog.drop_table((namespace, "orders"))
    elif change == "renamed":
        catalog.rename_table((namespace, "orders"), (namespace, "orders_old"))
    elif change == "emptied":
        table.delete()
    else:
        first = table.history()[0].snapshot_id
        table.manage_snapshots().rollback_to_snapshot(first).commit()


def change_by_hand(tree: Tree, place: str, change: str) -> None:
    """Changes the table, or dlt's records of it, as a person would."""
    if isinstance(tree, IcebergTree) and change not in RECORDS:
        change_iceberg(tree, change)
    elif isinstance(tree, LakeTree):
        change_files(tree, change)
    else:
        change_by_sql(tree, change, is_qualified=place in QUALIFIED)


@pytest.mark.rare
@pytest.mark.parametrize(("place", "kind", "change"), CELLS)
def test_no_run_is_green_over_wrong_rows(
    place: str, kind: str, change: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It is refused, also when it is repeated, or warns of missing rows, or the table has what the source has."""
    site = set_up(KINDS[kind], tmp_path, PLACES[place](request, tmp_path))
    tree = site.machines[0]
    tree.load("shop.orders")
    if isinstance(tree, LakeTree):
        shutil.copytree(tree.lake / "raw" / "orders", tree.root / "older")
    site.vendor.grow()
    tree.load("shop.orders")
    site.vendor.grow()
    change_by_hand(tree, place, change)
    try:
        warnings = " ".join(tree.load("shop.orders").warnings)
    except FoundationError as refused:
        with pytest.raises(FoundationError, match=re.escape(str(refused)[:20])):
            tree.load("shop.orders")
        return
    if not any(word in warnings for word in WARNED):
        site.judge()
