"""Tests of `data_foundation.testing`, with which users test their own sources: loads into a temporary file."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from data_foundation.errors import ConfigError, FoundationError, LoadError
from data_foundation.testing import TemporaryWarehouse, find_problems
from tests.support.locations import Location

ORDERS = """
resources:
  - entry: data.get_orders
    destination: raw.shop_orders
    write_disposition: merge
    primary_key: id
    incremental: {cursor_path: changed, initial_value: "2024-01-01T00:00:00Z"}
  - {entry: data.get_items, destination: raw.shop_items}
"""
DATA = """
    def get_orders(buyer="kim"):
        for id in (2, 1):
            yield {"id": id, "changed": f"2024-01-0{id}T00:00:00Z", "buyer": buyer, "tags": ["new"]}

    def get_items():
        yield [{"item": number} for number in range(5)]
"""


@pytest.fixture
def warehouse(location: Location, tmp_path_factory: pytest.TempPathFactory) -> TemporaryWarehouse:
    """A warehouse for the source `shop` of the repository that is the working directory."""
    location.add("shop", ORDERS, DATA)
    return TemporaryWarehouse(tmp_path_factory.mktemp("warehouse"))


def test_the_example_of_the_docstring_passes(location: Location, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The example can be copied into a test unchanged."""
    location.add("shop", ORDERS, DATA)
    code = (inspect.getdoc(TemporaryWarehouse) or "").partition("::\n\n")[2]
    names: dict[str, Any] = {"Path": Path, "TemporaryWarehouse": TemporaryWarehouse}
    exec(dedent(code), names)  # noqa: S102 - our own docstring
    example: Callable[[Path], None] = names["test_every_order_lands_once"]
    example(tmp_path_factory.mktemp("warehouse"))


def test_a_source_loads_as_configured(warehouse: TemporaryWarehouse) -> None:
    """Every resource has a result, in the order of the file; the second load continues at the cursor of the first."""
    orders, items = warehouse.load("shop")
    assert (orders.destination, orders.row_count, items.row_count) == ("raw.shop_orders", 2, 5)
    [orders] = warehouse.load("shop.shop_orders")
    assert orders.cursor == ("2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z")
    assert orders.row_count == 2


def test_rows_are_sorted_and_have_only_columns_of_the_source(warehouse: TemporaryWarehouse) -> None:
    """A test can compare the rows with those of the source's server; times are in UTC; child tables can be read too."""
    warehouse.load("raw.shop_orders")
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2)]
    assert warehouse.rows("raw.shop_orders") == [{"id": day.day, "changed": day, "buyer": "kim"} for day in days]
    assert warehouse.rows("raw.shop_orders__tags") == [{"value": "new"}] * 2
    assert warehouse.query("SELECT max(changed) FROM raw.shop_orders") == [(days[-1],)]


def test_the_options_of_a_run_apply(warehouse: TemporaryWarehouse) -> None:
    """A limit, a range and keyword arguments have the same effect as with `foundation run`."""
    [sample] = warehouse.load("shop.shop_items", limit=3)
    assert sample.row_count == 3
    warehouse.load("shop.shop_orders", start="2024-01-02", end="2024-01-03", kwargs={"buyer": "lou"})
    assert [(row["id"], row["buyer"]) for row in warehouse.rows("raw.shop_orders")] == [(2, "lou")]
    [again] = warehouse.load("shop.shop_orders", refresh="drop")
    assert again.row_count == 2


@pytest.mark.parametrize("place", ["", ", warehouse: lake", ", lake: {container: raw, folder: shop}"])
def test_no_test_writes_to_a_real_warehouse(
    location: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """`WAREHOUSE` of the environment, and the warehouse or lake that a resource names, are ignored."""
    monkeypatch.setenv("WAREHOUSE", "snowflake")
    location.add("shop", f"resources: [{{entry: data.get_items, destination: raw.shop_items{place}}}]", DATA)
    [items] = TemporaryWarehouse(tmp_path).load("shop.shop_items")
    assert (items.table, items.row_count) == ("warehouse.raw.shop_items", 5)


UNKNOWN_TARGET = (
    "target 'shop.shop_item': no such source, table or job id; see `foundation list`. Did you mean 'shop.shop_items'?"
)


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("shop.shop_item", FoundationError, UNKNOWN_TARGET),
        ("broken", ConfigError, "dlthub/broken/sources.yaml:1: resources: needs at least one resource"),
    ],
)
def test_an_invalid_target_is_refused(
    location: Location, tmp_path: Path, target: str, error: type[Exception], message: str
) -> None:
    """The error is the same as with `foundation run`."""
    location.add("shop", ORDERS, DATA)
    location.add("broken", "resources: []")
    with pytest.raises(error) as refused:
        TemporaryWarehouse(tmp_path).load(target)
    assert message in str(refused.value)


def test_every_resource_that_fails_is_reported(location: Location, tmp_path: Path) -> None:
    """The first error is raised, with the others as notes; the other resources are loaded."""
    yaml = "resources:\n" + "".join(
        f"  - {{entry: data.get_{name}, destination: raw.{name}}}\n" for name in ("first", "sound", "second")
    )
    data = (
        "def get_first():\n    yield 1 / 0\ndef get_sound():\n    yield {'id': 1}\ndef get_second():\n    yield {}[1]\n"
    )
    location.add("shop", yaml, data)
    warehouse = TemporaryWarehouse(tmp_path)
    with pytest.raises(LoadError, match=r"raw.first failed while extracting at dlthub/shop/data.py:2") as failed:
        warehouse.load("shop")
    assert [note.split(" failed")[0] for note in failed.value.__notes__] == ["raw.second"]
    assert warehouse.rows("raw.sound") == [{"id": 1}]


def test_an_unknown_table_is_refused_with_the_loaded_ones(warehouse: TemporaryWarehouse) -> None:
    """The error of a misspelt name lists the loaded tables."""
    with pytest.raises(FoundationError, match=r"^no table 'raw.shop_items' has landed; nothing was loaded yet$"):
        warehouse.rows("raw.shop_items")
    warehouse.load("shop.shop_items")
    message = r"^no table 'raw.shop_item' has landed\. Did you mean 'raw.shop_items'\?; there is raw.shop_items$"
    with pytest.raises(FoundationError, match=message):
        warehouse.rows("raw.shop_item")


def test_outside_of_a_repository_the_root_is_needed(
    location: Location,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The repository is the one around the working directory unless `root` is given."""
    location.add("shop", ORDERS, DATA)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    with pytest.raises(FoundationError, match="holds dlthub/; change to the repository"):
        TemporaryWarehouse(elsewhere)
    [items] = TemporaryWarehouse(elsewhere, location.root).load("shop.shop_items")
    assert items.row_count == 5


def test_the_problems_of_one_source(location: Location) -> None:
    """`find_problems` returns what `foundation check` reports for a source, and nothing of others."""
    location.add("shop")
    location.add("crm", "resources: []")
    assert find_problems("shop") == []
    assert find_problems("crm", location.root)[0].startswith("dlthub/crm/sources.yaml:1: resources: needs at least one")
    with pytest.raises(FoundationError, match=r"there is no source 'shp'\. Did you mean 'shop'\?"):
        find_problems("shp")
