"""Entries that are several dlt resources are refused, because rows of one resource go to one table."""

import pytest

from data_foundation.errors import ConfigError, EntryError, ValueRefused
from tests.support.trees import Tree

DATA = '''
import dlt
from dlt import source as of_dlt
from dlt.extract import DltResource, DltSource
from dlt.sources.rest_api import rest_api_source
from dlt.sources.sql_database import sql_database


def source(function):
    """No decorator of dlt."""
    return function


@dlt.resource
def customers():
    yield [{"id": 1, "name": "Ann"}]


@dlt.resource
def orders():
    yield [{"id": 1, "amount": 2}]


@dlt.source
def shop():
    @dlt.resource
    def contacts():
        yield [{"id": 1}]

    @dlt.resource
    def deals():
        yield [{"id": 1}]

    return contacts, deals


@of_dlt(name="another")
def renamed():
    return [customers, orders]


def annotated() -> "DltSource":
    return shop()


def annotated_list() -> list[DltResource]:
    return [customers, orders]


instance = shop()
both = [customers(), orders]
api = rest_api_source({"client": {"base_url": "http://localhost"}, "resources": ["posts", "users"]})


def returned():
    return shop()


def listed():
    return [customers, orders]


def tupled():
    return customers, orders


def mapped():
    return shop().resources


def values():
    return shop().resources.values()


def yielded():
    yield customers
    yield orders


def delegated():
    yield from (customers, orders)


def generated():
    return (resource for resource in (customers, orders))


async def asynchronous():
    yield customers


@dlt.resource
def decorated():
    return customers, orders


def wrapped():
    return dlt.resource(shop(), name="wrapped")


def page():
    yield [customers, orders]


def in_a_row():
    yield {"customers": customers}


def whole():
    yield shop()


def one_of_them():
    return shop().deals


def annotated_one() -> DltResource:
    return customers


def optional() -> "DltResource | None":
    return customers


@source
def own_decorator():
    yield [{"id": 1}]


def explicit():
    yield from shop()
'''


def add(tree: Tree, entry: str, data: str = DATA) -> None:
    """Writes a source with one resource."""
    tree.add("shop", f"resources: [{{entry: {entry}, destination: raw.rows}}]", data)


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("data.shop", "'data.shop' is a dlt source, which holds contacts, deals"),
        ("data.renamed", "is a dlt source"),
        ("data.annotated", "returns DltSource"),
        ("data.annotated_list", r"returns list\[DltResource\]"),
        ("data.instance", "is a dlt source, which holds contacts, deals"),
        ("data.both", r"a list of the dlt resources customers\(\), orders"),
        ("data.api", "returns DltSource"),
        ("data.sql_database", "is a dlt source"),
        ("dlt.sources.sql_database.sql_database", "is a dlt source"),
        ("dlt.sources.rest_api.rest_api_source", "returns DltSource"),
        ("dlt.sources.rest_api.rest_api_resources", "returns List"),
    ],
)
def test_check_refuses_several_resources(tree: Tree, entry: str, what: str) -> None:
    """`foundation check` recognises dlt's decorator, annotations, lists and imports; the error has the YAML line."""
    add(tree, entry)
    with pytest.raises(ConfigError, match=what) as refused:
        tree.check("shop")
    assert "sources.yaml:1: raw.rows: entry: entry '" in str(refused.value)
    assert "a function that returns one of them" in str(refused.value)


def test_check_follows_an_import_of_a_neighbour(tree: Tree) -> None:
    """A source that `data.py` imports from another module of its folder is refused too, also with circular imports."""
    folder = tree.add("shop", "resources: [{entry: data.shop, destination: raw.rows}]", "from .api import shop\n")
    (folder / "api.py").write_text(DATA)
    with pytest.raises(ConfigError, match=r"'data\.shop' is a dlt source"):
        tree.check("shop")
    (folder / "api.py").write_text("from .data import shop\n")
    tree.check("shop")


@pytest.mark.parametrize(
    "entry", ["customers", "one_of_them", "annotated_one", "optional", "own_decorator", "explicit", "yielded"]
)
def test_check_refuses_nothing_else(tree: Tree, entry: str) -> None:
    """Accepted are one resource, another decorator of the same name, and code whose text does not decide."""
    add(tree, f"data.{entry}")
    tree.check("shop")


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("shop", r"the dlt source shop, which holds contacts, deals\..*def get_contacts\(\): return shop\(\).contacts"),
        ("renamed", "the dlt source another, which holds customers, orders"),
        ("instance", "the dlt source shop"),
        ("returned", "the dlt source shop"),
        ("wrapped", "the dlt source shop"),
        ("api", "the dlt source .*, which holds posts, users"),
        ("listed", "a list of the dlt resources customers, orders"),
        ("tupled", "a tuple of the dlt resources customers, orders"),
        ("mapped", "of the dlt resources contacts, deals"),
        ("values", "of the dlt resources contacts, deals"),
        ("yielded", "it yielded (customers|orders)"),
        ("delegated", "it yielded (customers|orders)"),
        ("generated", "it yielded (customers|orders)"),
        ("asynchronous", "it yielded (customers|orders)"),
        ("decorated", "it yielded (customers|orders)"),
    ],
)
def test_a_load_refuses_several_resources_by_name(tree: Tree, entry: str, what: str) -> None:
    """Resources that an entry returns or yields instead of rows are refused, and nothing lands."""
    add(tree, f"data.{entry}")
    with pytest.raises(EntryError, match=what) as refused:
        tree.load("shop.rows")
    assert f"entry 'data.{entry}' is " in str(refused.value)
    assert tree.query("select table_name from information_schema.tables where table_name = 'rows'") == []


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("page", "got the dlt resource customers"),
        ("in_a_row", "column customers: got the dlt resource customers"),
        ("whole", "got the dlt source shop, which holds contacts, deals"),
    ],
)
def test_a_resource_inside_the_rows_is_named(tree: Tree, entry: str, what: str) -> None:
    """A source or a resource in a page, or as a value, is refused with its name."""
    add(tree, f"data.{entry}")
    with pytest.raises(ValueRefused, match=what):
        tree.load("shop.rows")


def test_one_resource_of_a_source_lands(tree: Tree) -> None:
    """The remedy in the error works."""
    add(tree, "data.one_of_them")
    tree.check("shop")
    assert tree.load("shop.rows").rows == 1
