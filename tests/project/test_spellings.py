"""Tests of the spellings of other projects: each becomes what the grammar has for it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.schedules import Automation, Freshness
from data_foundation.project.source import SourceConfig, load_source_config

LAZY = "{dagster: {automation_condition: lazy, automation_condition_config: {cron_schedule: '@daily'}}}"
OURS = {
    "a set": ("kinds: {api, csv}", "kinds: [api, csv]"),
    "a tagged set": ("kinds: !!set {api, csv}", "kinds: [api, csv]"),
    "a set as a key": (
        "write_disposition: merge\n    primary_key: {id}",
        "write_disposition: merge\n    primary_key: id",
    ),
    "a list of columns": (
        "columns: [{name: id, data_type: bigint}, {name: at, nullable: false}]",
        "columns: {id: {data_type: bigint}, at: {nullable: false}}",
    ),
    "missing_or_changed": (
        "meta: {dagster: {automation_condition: missing_or_changed}}",
        "automation: missing_or_changed\n    meta: {dagster: {automation_condition: missing_or_changed}}",
    ),
    "lazy": (
        # Other projects leave the cron of the template there, which `lazy` does not read.
        f"meta: {LAZY}",
        f"automation: {{condition: lazy, cron: '@daily'}}\n    meta: {LAZY}",
    ),
}


def load(folder: Path, text: str) -> SourceConfig:
    """Reads a text as the sources.yaml of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.yaml").write_text(text, encoding="utf-8")
    return load_source_config(folder)


def with_keys(keys: str) -> str:
    """Returns a sources.yaml with one resource that has further keys."""
    return f"resources:\n  shop.orders:\n    entry: data.get_rows\n    {keys}\n"


@pytest.mark.parametrize(("other", "ours"), OURS.values(), ids=OURS)
def test_a_spelling_of_other_projects_becomes_ours(tmp_path: Path, other: str, ours: str) -> None:
    """Both files give the same resource; a tagged set in any order."""
    [found], [expected] = (
        load(tmp_path / name, with_keys(keys)).resources for name, keys in (("a", other), ("b", ours))
    )
    assert sorted(found.kinds) == sorted(expected.kinds)
    assert found.model_copy(update={"kinds": ()}) == expected.model_copy(update={"kinds": ()})


@pytest.mark.parametrize("keys", ["selected: false", "enabled: false"])
def test_a_resource_that_is_not_selected_is_no_resource(tmp_path: Path, keys: str) -> None:
    """`selected: false` means `enabled: false`: there is nothing to load."""
    assert load(tmp_path, with_keys(keys)).resources == ()


BLOCK = """
sources:
  shop:
    resources: [shop.orders, customers]
    root_key: true
    parallelized: true
    max_table_nesting: 1
    section: shop
    schema_contract: {columns: freeze}
    meta:
      cost: high
      dagster:
        automation_condition: on_schedule
        automation_condition_config: {cron_schedule: "@daily", cron_timezone: utc}
        freshness_lower_bound_delta_seconds: 108000
resources:
  shop.orders: {entry: data.get_rows, max_table_nesting: 3, meta: {cost: low, team: a}}
  shop.customers: {entry: data.get_rows, automation: on_cron}
  shop.visits: {entry: data.get_rows}
"""


def test_a_block_of_sources_holds_for_the_resources_it_lists(tmp_path: Path) -> None:
    """Its keys are inherited where a resource has none of its own, and by no resource that it does not list."""
    orders, customers, visits = load(tmp_path / "shop", BLOCK).resources
    for found in (orders, customers):
        assert (found.automation, found.freshness) == (Automation(cron="@daily"), Freshness(fail_after_hours=30))
        assert (found.root_key, found.schema_contract and found.schema_contract.columns) == (True, "freeze")
    assert (orders.max_table_nesting, customers.max_table_nesting) == (3, 1)
    assert (orders.meta.model_extra, customers.meta.model_extra) == ({"cost": "low", "team": "a"}, {"cost": "high"})
    nothing = ResourceConfig.model_validate({"entry": "data.get_rows", "destination": "shop.visits"})
    assert visits.model_dump() == nothing.model_dump()


def test_a_resource_inherits_from_its_block_before_the_folder(tmp_path: Path) -> None:
    """What a block does not set comes from `source:`, and what both set from the block."""
    text = "source: {owners: team:a, on_empty: fail, automation: '@hourly'}\n" + BLOCK.replace(
        "    root_key", "    on_empty: truncate\n    root_key"
    )
    orders, _, visits = load(tmp_path / "shop", text).resources
    assert (orders.owners, orders.on_empty, orders.automation) == (("team:a",), "truncate", Automation(cron="@daily"))
    assert (visits.owners, visits.on_empty, visits.automation) == (("team:a",), "fail", Automation(cron="@hourly"))


@pytest.mark.parametrize(
    ("block", "concurrency"),
    [({}, 4), ({"parallelized": True}, 4), ({"parallelized": False}, 1)],
    ids=["not set", "true", "false"],
)
def test_resources_that_are_not_parallelized_load_one_at_a_time(
    tmp_path: Path, block: dict[str, Any], concurrency: int
) -> None:
    """`parallelized: false` of one resource, or of its block, holds for its folder; true is the default here."""
    row = {"entry": "data.get_rows"}
    in_block = {"sources": {"s": {"resources": ["a.b"], **block}}, "resources": {"a.b": row, "a.c": row}}
    in_resource = {"resources": {"a.b": {**row, **block}, "a.c": row}}
    for name, document in (("block", in_block), ("resource", in_resource)):
        assert load(tmp_path / name, yaml.safe_dump(document)).concurrency == concurrency
