"""Tests of Snowflake's errors and lost connections: the message names what to do, and no row is lost."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from data_foundation.errors import FoundationError, LoadError, WarehouseError
from data_foundation.warehouses.settings import build_warehouse
from data_foundation.warehouses.snowflake import warehouse as snowflake_engine
from data_foundation.warehouses.snowflake.warehouse import SnowflakeWarehouse
from tests.snowflake.conftest import Account, SnowflakeTree
from tests.support.servers import PASSPHRASE, SnowflakeServer

SECRET = "k9-Secret-Canary-7731"
YAML = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    {settings}
    retries: {{max: {retries}, backoff: 0}}
"""
SETTINGS: dict[str, tuple[dict[str, str], str]] = {
    "account with its address": (
        {"SNOWFLAKE_ACCOUNT": "https://acme.snowflakecomputing.com"},
        "SNOWFLAKE_ACCOUNT: got an address; accepted: the account's identifier",
    ),
    "password and key": (
        {"SNOWFLAKE_PASSWORD": SECRET},
        "SNOWFLAKE_PRIVATE_KEY_PATH and SNOWFLAKE_PASSWORD are set; accepted: one of them",
    ),
    "passphrase without a key": (
        {"SNOWFLAKE_PRIVATE_KEY_PATH": "", "SNOWFLAKE_PASSWORD": SECRET, "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": SECRET},
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE is set and there is no key",
    ),
    "wrong passphrase": (
        {"SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": SECRET},
        "SNOWFLAKE_PRIVATE_KEY_PATH: the private key cannot be read; accepted: a PKCS8 key",
    ),
    "no key file": ({"SNOWFLAKE_PRIVATE_KEY_PATH": "/nowhere/key.p8"}, "/nowhere/key.p8 cannot be read: No such file"),
    "OAuth with a key": (
        {"SNOWFLAKE_AUTHENTICATOR": "oauth"},
        "SNOWFLAKE_AUTHENTICATOR: got 'oauth', and SNOWFLAKE_PRIVATE_KEY_PATH is set",
    ),
    "nothing to prove who one is": (
        {"SNOWFLAKE_PRIVATE_KEY_PATH": "", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": ""},
        "needs SNOWFLAKE_PRIVATE_KEY_PATH (or SNOWFLAKE_PASSWORD, or SNOWFLAKE_TOKEN)",
    ),
}
BY_PASSWORD = {"SNOWFLAKE_PRIVATE_KEY_PATH": "", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": ""}
BY_TOKEN = {**BY_PASSWORD, "SNOWFLAKE_AUTHENTICATOR": "oauth", "SNOWFLAKE_TOKEN": SECRET}
REFUSED: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "account": ({"SNOWFLAKE_ACCOUNT": "nosuch-account"}, {}, "SNOWFLAKE_ACCOUNT is not an account"),
    "password": ({**BY_PASSWORD, "SNOWFLAKE_PASSWORD": SECRET}, {}, "SNOWFLAKE_USER or SNOWFLAKE_PASSWORD is wrong"),
    "user": ({"SNOWFLAKE_USER": "NOBODY"}, {}, "SNOWFLAKE_PRIVATE_KEY_PATH is not the key of SNOWFLAKE_USER"),
    "key": ({"SNOWFLAKE_PRIVATE_KEY_PATH": "another"}, {}, "SNOWFLAKE_PRIVATE_KEY_PATH is not the key"),
    "role": ({"SNOWFLAKE_ROLE": "NOROLE"}, {}, "SNOWFLAKE_ROLE is not granted"),
    "database": ({"SNOWFLAKE_DATABASE": "NODATABASE"}, {}, "SNOWFLAKE_DATABASE"),
    "warehouse": ({"SNOWFLAKE_WAREHOUSE": "NOWAREHOUSE"}, {}, "SNOWFLAKE_WAREHOUSE"),
    "token": (BY_TOKEN, {}, "SNOWFLAKE_TOKEN is not valid"),
    "expired token": (
        BY_TOKEN,
        {"tokens": {SECRET: "expired"}},
        "SNOWFLAKE_TOKEN has expired",
    ),
    "suspended warehouse": (
        {},
        {"warehouses": {"LOADING": {"suspended": True, "auto_resume": False}}},
        "SNOWFLAKE_WAREHOUSE",
    ),
    "role that may only read": ({}, {"read_only_roles": ["LOADER"]}, "SNOWFLAKE_ROLE lacks a privilege"),
}


def add(tree: SnowflakeTree, settings: str = "write_disposition: append", retries: int = 0) -> None:
    """Writes a source with one table."""
    tree.add("shop", YAML.format(settings=settings, retries=retries))
    tree.give("shop", [{"id": 1, "tags": ["a"]}])


def changed(tree: SnowflakeTree, settings: dict[str, str]) -> SnowflakeTree:
    """Returns the tree with some settings of its warehouse changed."""
    deployed = tree.deployed
    own = SnowflakeWarehouse(deployed.work_folder, {**deployed.settings, **settings}, suffix=deployed.suffix)
    return SnowflakeTree(tree.root, tree.account, own)


@pytest.fixture
def arm(server: SnowflakeServer) -> Iterator[Callable[..., None]]:
    """A function that arms a fault; all faults are disarmed at the end of the test."""
    yield server.arm
    server.disarm()


def disarm(tree: SnowflakeTree) -> None:
    """Disarms all faults."""
    if tree.account.server:
        tree.account.server.disarm()


@pytest.mark.parametrize("name", SETTINGS)
def test_invalid_settings_are_refused_before_anything_runs(tree: SnowflakeTree, name: str) -> None:
    """Settings that are invalid in themselves are refused without a connection."""
    settings, message = SETTINGS[name]
    tree.add("shop", "resources: [{entry: data.get_rows, destination: raw.orders}]", "raise SystemExit('was asked')")
    with pytest.raises(FoundationError) as refused:
        changed(tree, settings).load("shop.orders")
    assert message in str(refused.value)
    assert SECRET not in str(refused.value)


def test_all_missing_settings_are_named_at_once(tmp_path: Path) -> None:
    """One message names all missing settings."""
    with pytest.raises(FoundationError) as missing:
        SnowflakeWarehouse(tmp_path, {}).destination()
    for name in ("ACCOUNT", "USER", "DATABASE", "WAREHOUSE", "PRIVATE_KEY_PATH"):
        assert f"SNOWFLAKE_{name}" in str(missing.value)


def test_a_shared_warehouse_needs_a_deployment(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shared warehouse without DEPLOYMENT is refused, so a forgotten setting cannot write to production."""
    for name, value in account.deployment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DEPLOYMENT")
    with pytest.raises(FoundationError, match="needs DEPLOYMENT"):
        build_warehouse(tmp_path)
    monkeypatch.setenv("DEPLOYMENT", "test")
    with pytest.raises(WarehouseError, match="DEPLOYMENT: got 'test'; accepted: dev, production"):
        build_warehouse(tmp_path)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_the_setting_or_the_privilege(
    tree: SnowflakeTree, server: SnowflakeServer, name: str, tmp_path: Path
) -> None:
    """Each refusal is reported without a retry, with what to change and without secrets; the next load succeeds."""
    add(tree)
    settings, refusing, message = REFUSED[name]
    if settings.get("SNOWFLAKE_PRIVATE_KEY_PATH") == "another":
        settings = {"SNOWFLAKE_PRIVATE_KEY_PATH": str(write_key(tmp_path / "another.p8"))}
    if "tokens" in refusing:
        refusing = {"users": {server.user: {**server.settings["users"][server.user], **refusing}}}
    server.change(**refusing)
    try:
        with pytest.raises(WarehouseError) as refused:
            changed(tree, settings).load("shop.orders")
    finally:
        server.change()
    assert message in str(refused.value)
    assert SECRET not in str(refused.value)
    assert PASSPHRASE not in str(refused.value)
    assert tree.load("shop.orders").row_count == 1


NOWHERE: dict[str, tuple[dict[str, str], str]] = {
    "a port that is closed": (
        {"SNOWFLAKE_HOST": "127.0.0.1", "SNOWFLAKE_PORT": "1"},
        "Snowflake cannot be reached at 127.0.0.1: SNOWFLAKE_HOST or SNOWFLAKE_PORT is wrong, or DNS",
    ),
    "a host that does not resolve": (
        {"SNOWFLAKE_HOST": "no-such-host.invalid"},
        "Snowflake cannot be reached at no-such-host.invalid: SNOWFLAKE_HOST or SNOWFLAKE_PORT is wrong, or DNS",
    ),
    "an account behind a proxy that is down": (
        {"SNOWFLAKE_HOST": "", "SNOWFLAKE_PORT": "", "SNOWFLAKE_PROTOCOL": "", "SNOWFLAKE_ACCOUNT": "acme-sales"},
        "Snowflake cannot be reached at acme-sales.snowflakecomputing.com: SNOWFLAKE_ACCOUNT is wrong, or DNS",
    ),
}


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", NOWHERE)
def test_an_unreachable_account_is_retried_and_names_the_setting(
    tree: SnowflakeTree, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The load is retried; the error names the address and the setting to check."""
    monkeypatch.setattr(snowflake_engine, "LOGIN_SECONDS", 1)
    settings, explained = NOWHERE[name]
    if not settings["SNOWFLAKE_HOST"]:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    add(tree, retries=1)
    with pytest.raises(LoadError) as failed:
        changed(tree, settings).load("shop.orders")
    assert explained in str(failed.value)
    assert "2 times" in str(failed.value)
    assert "run the table again" in str(failed.value)
    assert PASSPHRASE not in str(failed.value)


def write_key(path: Path) -> Path:
    """Writes a private key that does not belong to the user."""
    encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    key = rsa.generate_private_key(65537, 2048)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return path


POINTS = {
    "PUT": r"^PUT 'file://[^/]*parquet.*ORDERS",
    "COPY": r"^COPY INTO .*\"ORDERS\"",
    "between COPY and state": r"^COPY INTO .*_DLT_PIPELINE_STATE",
    "before the load is noted": r"^INSERT INTO .*_DLT_LOADS",
    "COMMIT": r"^COMMIT",
}
DISPOSITIONS = {
    "append": ("write_disposition: append", [1, 2, 3]),
    "replace": ("write_disposition: replace", [3]),
    "merge": ("write_disposition: {disposition: merge}\n    primary_key: id", [1, 2, 3]),
}
IDS = "select id from raw.orders order by 1"
ROWS = {"append": [3], "replace": [3], "merge": [2, 3]}


CUTS = {
    # The connector repairs this by itself: it sends the request again.
    "before, once": {"fault": "reset", "times": 1},
    "the answer is lost, once": {"fault": "reset_after", "times": 1},
    "for good": {"fault": "reset", "times": 1000},
    "the session is killed": {"fault": "kill_session", "times": 1},
}
EVERY = list(itertools.product(POINTS, CUTS, DISPOSITIONS))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cuts the connection at every seventeenth point, or with `--promises` at every point."""
    if "point" in metafunc.fixturenames:
        some = EVERY if metafunc.config.getoption("--promises") else EVERY[::17]
        metafunc.parametrize(("point", "cut", "disposition"), some, ids=map(" ".join, some))


@pytest.mark.sampled(23)
def test_a_cut_connection_loses_and_duplicates_nothing(  # noqa: PLR0913, PLR0917 - a point, a cut, a disposition
    tree: SnowflakeTree,
    arm: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    cut: str,
    disposition: str,
) -> None:
    """After a cut at any point, readers see the old rows or the new ones, and the next run completes the load."""
    monkeypatch.setattr(snowflake_engine, "REPLY_SECONDS", 4)
    settings, expected = DISPOSITIONS[disposition]
    add(tree, f"{settings}\n    columns: {{id: {{data_type: bigint}}}}")
    tree.give("shop", [{"id": number, "tags": ["a"]} for number in (1, 2)])
    tree.load("shop.orders")
    before = tree.query(IDS)
    tree.give("shop", [{"id": number, "tags": ["a"]} for number in ROWS[disposition]])
    arm(POINTS[point], **CUTS[cut])
    with suppress(LoadError):
        tree.load("shop.orders")
    assert tree.query(IDS) in (before, expected)
    disarm(tree)
    if tree.query(IDS) != expected:
        tree.load("shop.orders")
    nested = "select o.id from raw.orders o join raw.orders__tags t on t._dlt_parent_id = o._dlt_id order by 1"
    assert (tree.query(IDS), tree.query(nested)) == (expected, expected)


def test_a_cancelled_query_is_retried(tree: SnowflakeTree, arm: Callable[..., None]) -> None:
    """A cancelled statement is logged, rolled back, and retried in the same run."""
    add(tree, retries=1)
    arm(r"^INSERT INTO .*_DLT_LOADS", "error", code=604, sqlstate="57014", message="SQL execution canceled", times=1)
    landed = tree.load("shop.orders")
    assert landed.row_count == 1
    assert re.search("attempt 1 failed in load .*SQL execution canceled", landed.warnings[0])


def test_a_cancelled_load_is_kept_and_finished_by_the_next_run(tree: SnowflakeTree, arm: Callable[..., None]) -> None:
    """Without retries the load fails with Snowflake's message; the next run loads the extracted rows."""
    add(tree)
    arm(r"^INSERT INTO .*_DLT_LOADS", "error", code=604, sqlstate="57014", message="SQL execution canceled", times=1)
    with pytest.raises(LoadError, match="SQL execution canceled"):
        tree.load("shop.orders")
    tree.give("shop", [{"id": 2}])
    tree.load("shop.orders")
    assert tree.query("select id from raw.orders order by 1") == [1, 2]


def test_rows_that_snowflake_refuses_are_set_aside(tree: SnowflakeTree, arm: Callable[..., None]) -> None:
    """A load that can never succeed is reported, and does not block the next one."""
    add(tree)
    arm(
        "^COPY INTO .*ORDERS",
        "error",
        code=100038,
        sqlstate="22018",
        message="Numeric value 'x' is not recognized",
        times=2,
    )
    with pytest.raises(LoadError, match="Numeric value 'x' is not recognized"):
        tree.load("shop.orders")
    tree.give("shop", [{"id": 2}])
    landed = tree.load("shop.orders")
    assert "was set aside" in landed.warnings[0]
    assert tree.query("select id from raw.orders") == [2]


def test_a_revoked_privilege_sets_nothing_aside(tree: SnowflakeTree, arm: Callable[..., None]) -> None:
    """A pending load waits until the privilege is granted again, because its rows are not the cause."""
    add(tree)
    lacking = {"code": 3001, "sqlstate": "42501", "message": "Insufficient privileges to operate on table 'ORDERS'"}
    arm("^COPY INTO .*ORDERS", "error", **lacking, times=2)
    for _ in range(2):
        with pytest.raises(WarehouseError, match=r"SNOWFLAKE_ROLE lacks a privilege.*Insufficient privileges"):
            tree.load("shop.orders")
    tree.give("shop", [{"id": 2}])
    assert tree.load("shop.orders").warnings == ()
    assert tree.query("select id from raw.orders order by 1") == [1, 2]
