"""Tests of the catalogues of Iceberg tables on a server: Glue, by moto, and REST, by a server of Iceberg's protocol."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.exceptions import CommitFailedException

from data_foundation.errors import FoundationError
from data_foundation.local.lake_upkeep import optimize
from data_foundation.warehouses.lake.upkeep.settings import EXPIRE_HOURS
from tests.support.iceberg_rest import RestCatalogue, run_rest_catalogue
from tests.support.lakes import LakeTree
from tests.support.stores import S3, run_s3
from tests.warehouses.test_lake_iceberg import (
    EXPECTED,
    FIRST,
    LINES,
    MODES,
    ORDERS,
    SECOND,
    _fail,
    add_orders,
    check_disposition,
    open_table,
)

CATALOGUES = ("glue", "rest")


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A store that speaks the protocols of S3 and of Glue."""
    with run_s3() as running:
        yield running


@pytest.fixture
def rest(tmp_path: Path, s3: S3) -> Iterator[RestCatalogue]:
    """A REST catalogue of files in the store."""
    with run_rest_catalogue(tmp_path, **s3.files()) as running:
        yield running


@pytest.fixture
def tree(catalogue: str, tmp_path: Path, s3: S3, request: pytest.FixtureRequest) -> LakeTree:
    """A project with a lake in the store and a catalogue on a server."""
    if catalogue == "glue":
        return LakeTree(tmp_path, s3.glue(tmp_path.name))
    rest: RestCatalogue = request.getfixturevalue("rest")
    return LakeTree(tmp_path, rest.settings(**s3.lake(tmp_path.name)))


@pytest.mark.sampled(11)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_every_write_disposition(tree: LakeTree, mode: str) -> None:
    """Rows, nested rows, a new column, a cursor and an empty disk work as with a catalogue in a file."""
    check_disposition(tree, mode)


@pytest.mark.rare
@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_a_commit_to_an_older_snapshot_fails(tree: LakeTree) -> None:
    """The server decides it, for every machine."""
    add_orders(tree, *MODES["append"])
    tree.give("shop", FIRST)
    tree.load("shop.orders")
    first, second = open_table(tree), open_table(tree)
    first.commit()
    with pytest.raises(CommitFailedException):
        second.commit()


@pytest.mark.rare
@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_a_load_that_fails_undoes_itself_and_files_are_put_together(
    tree: LakeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snapshot and columns before the load are set again; a nested table that only it has made is dropped."""
    add_orders(tree, *MODES["merge"])
    tree.give("shop", FIRST)
    tree.load("shop.orders")
    tree.give("shop", SECOND)
    with monkeypatch.context() as patched:
        patched.setattr("data_foundation.warehouses.lake.turns.Turn.land", _fail)
        with pytest.raises(Exception, match="no landing"):
            tree.load("shop.orders")
    assert (tree.query("select id from raw.orders order by id"), tree.query(LINES)) == ([1, 2], [1, 2])
    tree.load("shop.orders")
    optimize(tree.task("shop.orders"), tree.warehouse, print)
    assert EXPIRE_HOURS.name not in tree.settings
    assert (tree.query(ORDERS), tree.query(LINES)) == EXPECTED["merge"]


def test_a_refusal_of_the_rest_catalogue_names_its_settings(tmp_path: Path, rest: RestCatalogue, s3: S3) -> None:
    """A wrong secret, a wrong token and a name that the server does not know; nothing of it is written."""
    settings = rest.settings(**s3.lake(tmp_path.name))
    add_orders(tree := LakeTree(tmp_path, {**settings, "LAKE_CATALOG_CREDENTIAL": "client:other"}), *MODES["append"])
    tree.give("shop", FIRST)
    with pytest.raises(FoundationError, match=r"catalogue of the lake .* refuses LAKE_CATALOG_CREDENTIAL"):
        tree.load("shop.orders")
    by_token = {**settings, "LAKE_CATALOG_CREDENTIAL": "", "LAKE_CATALOG_TOKEN": "other"}
    with pytest.raises(FoundationError, match="refuses LAKE_CATALOG_TOKEN"):
        LakeTree(tmp_path, by_token).load("shop.orders")
    assert "rest-secret" not in str(rest.requests)
    assert LakeTree(tmp_path, settings).load("shop.orders").rows == len(FIRST)


def test_a_catalogue_that_does_not_answer_is_tried_again(tmp_path: Path, s3: S3) -> None:
    """Nothing listens: a passing fault, and the message says which server it is."""
    settings = {"LAKE_FORMAT": "iceberg", "LAKE_CATALOG": "http://127.0.0.1:9", **s3.lake(tmp_path.name)}
    add_orders(tree := LakeTree(tmp_path, settings), *MODES["append"])
    tree.give("shop", FIRST)
    with pytest.raises(FoundationError, match=r"127\.0\.0\.1.*9"):
        tree.load("shop.orders")


def test_the_settings_of_glue(tmp_path: Path) -> None:
    """Keys, region and account are those of the settings; without keys pyiceberg takes those of the machine."""
    place = {
        "LAKE_URL": "s3://bucket/lake",
        "LAKE_FORMAT": "iceberg",
        "LAKE_CATALOG": "glue",
        "AWS_REGION": "eu-west-1",
    }
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "LAKE_CATALOG_ID": "1234"}
    destination = LakeTree(tmp_path, {**place, **keys}).warehouse.destination()
    address = destination._catalogue
    assert address is not None
    assert {name: value for name, value in address.properties.items() if name.startswith("glue.")} == {
        "glue.id": "1234", "glue.region": "eu-west-1", "glue.access-key-id": "id", "glue.secret-access-key": "secret"
    }  # fmt: skip
    assert "secret" not in repr(address)
