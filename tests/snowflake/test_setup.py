"""Tests that `deploy/snowflake/setup.sql` sets up what a load needs, on a server without privileges."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from data_foundation.errors import WarehouseError
from data_foundation.loading.attempts import load_resource
from data_foundation.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.snowflake.conftest import SnowflakeTree
from tests.support.servers import SnowflakeServer

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "deploy" / "snowflake" / "setup.sql"
DOCUMENT = ROOT / "docs" / "how-to" / "use-snowflake.md"


def new_key(path: Path) -> str:
    """Writes a private key without a passphrase and returns its public key as Snowflake expects it."""
    key = rsa.generate_private_key(65537, 2048)
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*private))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "".join(public.decode().splitlines()[1:-1])


def execute(server: SnowflakeServer, script: str) -> None:
    """Executes every statement of a script as an administrator."""
    with server.connect(role="ACCOUNTADMIN", database=None, warehouse=None) as session:
        for cursor in session.execute_string(script, remove_comments=True):
            cursor.fetchall()


def with_key(tree: SnowflakeTree, path: Path) -> SnowflakeWarehouse:
    """Returns the production warehouse with the service user that the script creates."""
    settings = {
        **tree.deployed.settings,
        "SNOWFLAKE_USER": "DATA_FOUNDATION_SERVICE",
        "SNOWFLAKE_ROLE": "DATA_FOUNDATION",
        "SNOWFLAKE_WAREHOUSE": "LOADING",
        "SNOWFLAKE_DATABASE": "ANALYTICS",
        "SNOWFLAKE_PRIVATE_KEY_PATH": str(path),
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "",
    }
    return SnowflakeWarehouse(tree.root / "data" / path.stem, settings)


def test_the_service_user_of_setup_loads_and_rotates_its_key(
    tree: SnowflakeTree, server: SnowflakeServer, tmp_path: Path
) -> None:
    """The script can run twice; its user loads with a key; while the key is rotated, both keys are valid."""
    first, second = tmp_path / "first.p8", tmp_path / "second.p8"
    script = SETUP.read_text().replace("'MIIB...'", f"'{new_key(first)}'", 1)
    for _ in range(2):
        execute(server, script)
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: replace}]")
    tree.give("shop", [{"id": 1}])
    task = tree.task("shop.orders")
    assert load_resource(task, with_key(tree, first)).table == "ANALYTICS.raw.orders"
    rotation = re.findall(r"^-- (ALTER USER .*RSA_PUBLIC_KEY.*;)$", script, flags=re.MULTILINE)
    assert len(rotation) == 2
    execute(server, rotation[0].replace("'MIIB...'", f"'{new_key(second)}'"))
    for key in (first, second):
        assert load_resource(task, with_key(tree, key)).row_count == 1
    execute(server, rotation[1])
    assert load_resource(task, with_key(tree, second)).row_count == 1
    with pytest.raises(WarehouseError, match="SNOWFLAKE_PRIVATE_KEY_PATH is not the key of SNOWFLAKE_USER"):
        load_resource(task, with_key(tree, first))


def test_a_load_needs_no_other_privilege(tree: SnowflakeTree, server: SnowflakeServer) -> None:
    """In existing schemas a load only creates tables, so the privileges that the script grants are enough."""
    for schema in (tree.deployed.dataset("raw"), f"{tree.deployed.dataset('raw')}_staging"):
        server.query(f'CREATE SCHEMA "{schema.upper()}"')
    tree.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: merge, primary_key: id}]",
    )
    tree.give("shop", [{"id": 1, "tags": ["a"]}])
    server.forget_statements()
    tree.load("shop.orders")
    created = {
        " ".join(entry["sql"].split()[:2]) for entry in server.statements() if entry["sql"].lstrip()[:6] == "CREATE"
    }
    assert created == {"CREATE TABLE", "CREATE TEMPORARY"}


def test_the_documented_query_splits_the_bill(tree: SnowflakeTree, server: SnowflakeServer) -> None:
    """The query of docs/how-to/use-snowflake.md runs, and finds asset and source of every statement of a load."""
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders}]")
    tree.give("shop", [{"id": 1}])
    tree.load("shop.orders")
    [query] = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    # The server has no metering, so the test reads the split before the query joins it with the cost.
    assert server.query(query) == []
    split, _, _ = query.partition("\nselect\n    shares.source")
    found = server.query(f"{split} select distinct source, asset from shares where asset is not null")
    assert ("shop", "raw.orders") in found
