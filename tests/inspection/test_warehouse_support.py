"""`foundation check` says what the warehouse does not keep, and refuses what dlt's destination cannot do."""

from pathlib import Path

import pytest

from data_foundation.inspection.warehouse_support import find_support
from data_foundation.project.source import load_source_config
from tests.support.trees import Tree

YAML = """
resources:
  - entry: data.get_rows
    destination: raw.orders
    primary_key: id
    write_disposition: {disposition: merge, strategy: STRATEGY}
"""


@pytest.mark.parametrize(
    ("kind", "strategy", "accepted"),
    [
        ("sqlalchemy", "upsert", "delete-insert, scd2"),
        ("sqlalchemy", "insert-only", "delete-insert, scd2"),
        ("redshift", "upsert", "delete-insert, scd2"),
    ],
)
def test_a_strategy_without_support_is_refused(
    kind: str, strategy: str, accepted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the strategy, and those that the destination has; another disposition passes."""
    monkeypatch.setenv("WAREHOUSE", kind)
    monkeypatch.setenv("DEPLOYMENT", "production")
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", "sqlite:///x.db")
    tree = Tree(tmp_path)
    config = load_source_config(tree.add("shop", YAML.replace("STRATEGY", strategy)))
    [message] = find_support(tmp_path, [config]).refused
    assert strategy in message
    assert f": {accepted}" in message
    config = load_source_config(tree.add("shop", YAML.replace("STRATEGY", "scd2")))
    assert find_support(tmp_path, [config]).refused == ()


def test_a_general_warehouse_names_what_it_does_not_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence for each promise that is not kept, with what happens instead."""
    monkeypatch.setenv("WAREHOUSE", "mssql")
    monkeypatch.setenv("DEPLOYMENT", "production")
    broken = find_support(tmp_path, []).broken
    assert any("takes effect as a whole" in sentence for sentence in broken)
    assert any("collation" in sentence for sentence in broken)


def test_an_unknown_warehouse_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that dlt does not know, or a destination without SQL, is refused."""
    for name in ("bigqery", "qdrant"):
        monkeypatch.setenv("WAREHOUSE", name)
        monkeypatch.setenv("DEPLOYMENT", "production")
        [message] = find_support(tmp_path, []).broken
        assert f"got '{name}'; accepted:" in message
