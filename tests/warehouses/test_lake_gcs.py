"""Tests of a lake in Google Cloud Storage: parquet files and Iceberg tables in an emulator.

The emulator does not speak the XML protocol by which deltalake lists files, so Delta is shown by its options alone.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_foundation.errors import FoundationError
from data_foundation.local.lake_upkeep import optimize
from data_foundation.warehouses.lake.access.google import MachineCredentials
from tests.machines.machines import KINDS, set_up
from tests.support.gcs import Gcs, run_gcs
from tests.support.iceberg_rest import run_rest_catalogue
from tests.support.lakes import LakeTree
from tests.warehouses.test_lake_iceberg import FIRST, MODES, add_orders, check_disposition

PLACES = ("parquet", "iceberg")


@pytest.fixture(scope="session")
def gcs() -> Iterator[Gcs]:
    """An emulator of Google Cloud Storage."""
    with run_gcs() as running:
        yield running


@pytest.fixture
def settings(table_format: str, gcs: Gcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The settings of a lake in an empty bucket."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    # It has no gRPC, for which gcsfs would wait a minute.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    bucket = f"b{abs(hash(str(tmp_path)))}"
    if table_format == "parquet":
        yield gcs.settings(bucket, LAKE_FORMAT="parquet")
        return
    files = MachineCredentials.of({"STORAGE_EMULATOR_HOST": gcs.url}).to_pyiceberg_fileio_config()
    with run_rest_catalogue(tmp_path, **files) as rest:
        yield rest.settings(**gcs.settings(bucket))


@pytest.mark.sampled(11)
@pytest.mark.parametrize(
    ("table_format", "mode"),
    [*(("iceberg", mode) for mode in MODES), ("parquet", "replace"), ("parquet", "append")],
)
def test_every_write_disposition(settings: dict[str, str], tmp_path: Path, mode: str) -> None:
    """Rows, nested rows, a new column, a cursor and an empty disk work as in a folder."""
    check_disposition(LakeTree(tmp_path, settings), mode)


@pytest.mark.rare
@pytest.mark.parametrize("kind", ["append with a cursor", "replace"])
@pytest.mark.parametrize("table_format", PLACES)
def test_two_machines_at_once(settings: dict[str, str], tmp_path: Path, kind: str) -> None:
    """Google's condition that a file does not exist yet decides whose turn it is."""
    site = set_up(KINDS[kind], tmp_path, lambda root: LakeTree(root, settings))
    for _ in range(2):
        site.load_at_once()
        site.vendor.grow()


@pytest.mark.rare
@pytest.mark.parametrize("table_format", ["iceberg"])
def test_files_are_put_together(settings: dict[str, str], tmp_path: Path) -> None:
    """`foundation lake optimize` finds the age of files, and removes those of expired snapshots."""
    add_orders(tree := LakeTree(tmp_path, settings), *MODES["append"])
    for row in FIRST:
        tree.give("shop", [row])
        tree.load("shop.orders")
    (orders, *_) = optimize(tree.task("shop.orders"), tree.warehouse, print)
    assert orders.replaced == 2
    assert tree.query("select id from raw.orders order by id") == [1, 2]


@pytest.mark.parametrize("table_format", ["parquet"])
def test_a_bucket_that_is_not_there(settings: dict[str, str], tmp_path: Path) -> None:
    """It is named, with the setting."""
    add_orders(tree := LakeTree(tmp_path, {**settings, "LAKE_URL": "gs://other/lake"}), *MODES["append"])
    tree.give("shop", FIRST)
    with pytest.raises(FoundationError, match=r"no container or bucket 'other'.*LAKE_URL"):
        tree.load("shop.orders")


def test_whose_credentials_are_used() -> None:
    """Each library finds the machine's own, and no secret is handed over; an emulator gets a key that signs nothing."""
    machine = MachineCredentials.of({"GOOGLE_APPLICATION_CREDENTIALS": "/etc/key.json"})
    assert machine.to_gcs_credentials()["token"] == "google_default"
    assert (machine.to_object_store_rs_credentials(), machine.to_pyiceberg_fileio_config()) == ({}, {})
    options = MachineCredentials.of({"STORAGE_EMULATOR_HOST": "http://127.0.0.1:9/"}).to_object_store_rs_credentials()
    assert json.loads(options["service_account_key"])["gcs_base_url"] == "http://127.0.0.1:9"
