"""Landing as hub and satellites, as in docs/how-to/keep-every-version.md, in DuckDB."""

import threading
from pathlib import Path

import pytest

from data_foundation.errors import LoadError, ValueRefused, WarehouseError
from data_foundation.loading.lock import hold
from data_foundation.loading.read_back import check_table
from data_foundation.project.find_sources import find_sources
from data_foundation.warehouses.lake.warehouse import LakeWarehouse
from tests.support.trees import ROWS, Tree
from tests.support.vaults import BANK, add, load

VERSIONS = "select id, amount, _dlt_valid_to is null from raw.sat_bank_checking order by _dlt_valid_from, id"
HUB = "select business_key, source from raw.hub_transactions order by all"
SATELLITES = "select satellite from raw.hub_transactions__satellites order by opened_at"
ARROW = '''
import json
from pathlib import Path

import pyarrow as pa


def get_rows():
    """Yields the rows that the test has set, as one Arrow table."""
    yield pa.Table.from_pylist(json.loads((Path(__file__).parent / "rows.json").read_text()))
'''


@pytest.mark.parametrize("data", [ROWS, ARROW], ids=["dicts", "Arrow"])
@pytest.mark.parametrize("engine", ["columnar", "dlt"])
def test_a_version_is_stored_if_the_row_hash_changes(tree: Tree, engine: str, data: str) -> None:
    """The values A, A, B, A make three versions of a key; a key without a new row keeps its version."""
    add(tree, settings=[*BANK, f"engine: {engine}"], data=data)
    a, b, other = ({"id": 1, "amount": 10}, {"id": 1, "amount": 11}, {"id": 2, "amount": 20})
    load(tree, a, other)
    assert load(tree, a, other).row_count == 2
    load(tree, b)
    result = load(tree, a, other)
    assert tree.query(VERSIONS) == [(1, 10, False), (2, 20, True), (1, 11, False), (1, 10, True)]
    assert tree.query(HUB) == [("1", "bank.checking"), ("2", "bank.checking")]
    assert (result.table, result.destination) == ("warehouse.raw.sat_bank_checking", "raw.checking")
    assert [check.passed for check in result.checks if check.name == "primary_key"] == [True]


def test_hashes_do_not_depend_on_engine_order_or_spelling(tree: Tree) -> None:
    """Loads by the other engine, with another column order, or with 1 as 1.0 or '1.00', add no versions."""
    typed = [*BANK, "columns: {amount: {data_type: decimal}, at: {data_type: timestamp}}"]
    row = {"id": 1, "amount": 1, "at": "2024-01-31T12:00:00Z", "note": {"a": [1, "x"]}, "text": "é|;", "empty": None}
    add(tree, settings=typed)
    load(tree, row)
    for engine in ("dlt", "columnar"):
        add(tree, settings=[*typed, f"engine: {engine}"])
        load(tree, dict(reversed(row.items())))
        load(tree, row | {"amount": 1.0, "at": "2024-01-31T13:00:00.000+01:00"})
        load(tree, row | {"amount": "1.00"})
    assert tree.query("select count(*) from raw.sat_bank_checking") == [1]


def test_a_changed_file_adds_only_the_changed_rows(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CSV file with a line inserted at its top is read again; lines that only moved add no version and no warning."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tree.root))
    monkeypatch.chdir(tree.root)
    folder = tree.root / "dlthub" / "bank"
    add(tree, settings=[*BANK, "columns: {amount: {data_type: decimal}}", f"kwargs: {{path: {folder}/bank.csv}}"])
    yaml = folder / "sources.yaml"
    yaml.write_text(yaml.read_text().replace("data.get_rows", "data_foundation.readers.files.get_rows"))
    (folder / "bank.csv").write_text("id,amount\n1,10\n2,20\n")
    tree.load("bank.checking")
    (folder / "bank.csv").write_text("id,amount\n3,30\n1,10\n2,21\n")
    assert tree.load("bank.checking").warnings == ()
    assert [row[:2] for row in tree.query(VERSIONS)] == [("1", 10), ("2", 20), ("2", 21), ("3", 30)]


def test_a_new_column_opens_a_satellite(tree: Tree) -> None:
    """The new satellite's name contains the time. A warning and a failed check report it; hub and old rows are kept."""
    add(tree)
    load(tree, {"id": 1, "amount": 10}, {"id": 2, "amount": 20})
    result = load(tree, {"id": 1, "amount": 10, "colour": "red"})
    first, second = tree.query(SATELLITES)
    assert (first, second[:20]) == ("sat_bank_checking", "sat_bank_checking_20")
    assert result.table == f"warehouse.raw.{second}"
    assert any(f"colour is new: satellite {second} was opened" in warning for warning in result.warnings)
    assert [check.passed for check in result.checks if check.name == "schema_drift"] == [False]
    assert load(tree, {"id": 2, "amount": 20}).row_count == 2
    assert tree.query(f"select id, colour from raw.{second} order by id") == [(1, "red"), (2, None)]
    assert tree.query(VERSIONS) == [(1, 10, True), (2, 20, True)]
    assert tree.query("select count(*) from raw.hub_transactions") == [2]
    assert len(tree.query(SATELLITES)) == 2


def test_a_hub_is_shared_and_a_key_keeps_its_first_source(tree: Tree) -> None:
    """Two sources of one tag have one satellite each and a common hub; each satellite lists its columns of the tag."""
    add(tree)
    renamed = ["destination: raw.slips", "primary_key: number", "tag: transactions", "landing: vault"]
    add(tree, "shop", [*renamed, "columns_from: {amount: Total}"])
    load(tree, {"id": 1, "amount": 10})
    load(tree, {"number": 1, "Total": 9}, {"number": 2, "Total": 8}, name="shop.slips")
    assert tree.query(HUB) == [("1", "bank.checking"), ("2", "shop.slips")]
    listed = tree.query(
        "select asset, source, satellite, tag_columns from raw.hub_transactions__satellites order by all"
    )
    assert listed == [
        ("raw.checking", "bank.checking", "sat_bank_checking", '{"amount": "amount"}'),
        ("raw.slips", "shop.slips", "sat_shop_slips", '{"amount": "total"}'),
    ]


def test_each_satellite_keeps_its_column_names(tree: Tree) -> None:
    """If `columns_from` changes, the new satellite has the new name and the old satellite keeps the old one."""
    add(tree, settings=[*BANK, "columns_from: {amount: Bedrag}"])
    load(tree, {"id": 1, "Bedrag": 10})
    add(tree, settings=[*BANK, "columns_from: {amount: bedrag_eur}"])
    load(tree, {"id": 1, "bedrag_eur": 10})
    listed = tree.query("select tag_columns from raw.hub_transactions__satellites order by opened_at")
    assert listed == ['{"amount": "bedrag"}', '{"amount": "bedrag_eur"}']


def test_different_rows_with_one_key_are_refused(tree: Tree) -> None:
    """Rows that differ under one key are refused by name, and nothing is written; equal rows are stored once."""
    add(tree)
    with pytest.raises(ValueRefused, match=r"1 keys of id came with rows that differ, for instance '1'"):
        load(tree, {"id": 1, "amount": 10}, {"id": 1, "amount": 11})
    assert tree.query("select table_name from information_schema.tables where table_name like 'sat%'") == []
    result = load(tree, {"id": 1, "amount": 10}, {"id": 1, "amount": 10})
    assert (result.row_count, result.warnings) == (1, ())


def test_a_column_with_the_name_of_a_hash_is_refused(tree: Tree) -> None:
    """A row with a column `_row_hash` is refused."""
    add(tree)
    with pytest.raises(ValueRefused, match="column _row_hash: the vault has one of that name"):
        load(tree, {"id": 1, "amount": 10, "_row_hash": "x"})


def test_a_composite_key_is_one_key(tree: Tree) -> None:
    """The hash of a composite key distinguishes values that could be confused when joined to one text."""
    add(tree, settings=[*BANK[:1], "primary_key: [a, b]", *BANK[2:]])
    load(tree, {"a": "x|", "b": "y", "amount": 1}, {"a": "x", "b": "|y", "amount": 2})
    keys = tree.query("select business_key, _hash_key from raw.hub_transactions")
    assert len({key for _, key in keys}) == 2
    assert {text for text, _ in keys} == {"x||y"}


def test_loads_into_one_hub_wait_for_each_other(tree: Tree) -> None:
    """A load waits before its transaction while another resource of the tag holds the lock of the hub."""
    add(tree)
    tree.give("bank", [{"id": 1, "amount": 10}])
    waiting = threading.Thread(target=tree.load, args=("bank.checking",))
    with hold(tree.warehouse.work_folder, "raw-hub_transactions", "other", print):
        waiting.start()
        waiting.join(3)
        assert waiting.is_alive()
    waiting.join(60)
    assert tree.query(HUB) == [("1", "bank.checking")]


def test_checks_run_alone_read_the_newest_satellite(tree: Tree) -> None:
    """Before the first load the table does not exist; afterwards the key is unique among the current versions."""
    add(tree)
    task = tree.task("bank.checking")
    names = {check.name: check.message for check in check_table(task.resource, tree.warehouse)}
    assert names["primary_key"] == "there is no table yet"
    load(tree, {"id": 1, "amount": 10})
    load(tree, {"id": 1, "amount": 10, "colour": "red"})
    load(tree, {"id": 1, "amount": 11})
    (key,) = (check for check in check_table(task.resource, tree.warehouse) if check.name == "primary_key")
    assert (key.passed, key.message) == (
        True,
        "0 rows without a key, 0 with a key that another row has; checked: all 1 current rows",
    )


def test_unsupported_vault_operations_are_refused(tree: Tree, tmp_path: Path) -> None:
    """A vault cannot be dropped by a run, and a lake warehouse cannot have one."""
    add(tree)
    with pytest.raises(LoadError, match="a vault keeps what it has"):
        tree.load("bank.checking", refresh="drop")
    lake = LakeWarehouse.of(tmp_path, {"LAKE_URL": "lake"}, suffix="", others=lambda _name: tree.warehouse)
    with pytest.raises(WarehouseError, match="landing: got vault, which needs transactions; accepted: duckdb"):
        lake.accept(tree.task("bank.checking").resource)


@pytest.mark.parametrize("table", ["hub_transactions", "sat_bank_checking", "hub_transactions__satellites"])
def test_no_other_table_has_a_name_of_the_vault(tree: Tree, table: str) -> None:
    """A destination with the name of a hub, a satellite or their list is refused, naming both places."""
    add(tree)
    tree.add("other", f"resources:\n  - {{entry: data.get_rows, destination: raw.{table}}}\n")
    _, broken = find_sources(tree.root)
    assert [source.name for source in broken] == ["bank", "other"]
    assert f"is table raw.{table}, which is also the destination of dlthub/" in str(broken[0].problems[0])
