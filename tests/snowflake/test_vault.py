"""Tests that a vault in Snowflake equals one in DuckDB, and is written in one transaction."""

from tests.snowflake.conftest import SnowflakeTree
from tests.support.snowflake_statements import statements_of
from tests.support.vaults import add, check_versions


def test_a_vault_keeps_every_version_once(tree: SnowflakeTree) -> None:
    """Hub, satellites and the list of satellites are the same as in DuckDB, including hashes."""
    check_versions(tree)


def test_hub_and_satellite_change_in_one_transaction(tree: SnowflakeTree) -> None:
    """Between BEGIN and COMMIT are the rows, the keys and the entry in the list of satellites."""
    add(tree)
    tree.give("bank", [{"id": 1, "amount": 10}])
    statements = statements_of(tree, lambda: tree.load("bank.checking"))
    inside = statements[statements.index("BEGIN") : statements.index("COMMIT")]
    for table in ("SAT_BANK_CHECKING", "HUB_TRANSACTIONS", "HUB_TRANSACTIONS__SATELLITES"):
        assert [sql for sql in inside if f'"{table}"' in sql and "INTO" in sql], table
