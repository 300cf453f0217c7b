"""Tests of the grammar of `sources.yaml`: equivalent spellings, defaults and inheritance."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from data_foundation.config.fields import WriteDisposition
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.schedules import Automation, Freshness
from data_foundation.errors import ConfigError
from data_foundation.project.source import SourceConfig, load_source_config

ROW = {"entry": "data.get_rows", "destination": "raw.orders"}


def load(folder: Path, document: object) -> SourceConfig:
    """Writes a document into a folder and reads it as configuration."""
    folder.mkdir(exist_ok=True)
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    (folder / "sources.yaml").write_text(text, encoding="utf-8")
    return load_source_config(folder)


def resource(**keys: Any) -> ResourceConfig:
    """Returns a resource with entry, destination and these keys."""
    return ResourceConfig.model_validate({**ROW, **keys})


def test_everything_but_entry_and_destination_has_a_default() -> None:
    """By default a resource appends, keeps its table if a replace has no rows, and has no schedule."""
    found = resource()
    assert found.write_disposition == WriteDisposition(disposition="append")
    assert (found.on_empty, found.enabled, found.automation, found.freshness) == ("keep", True, None, None)
    assert (found.dataset, found.table) == ("raw", "orders")
    assert found.model_fields_set == {"entry", "destination"}


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"args": [1]}, {"arguments": [1]}),
        ({"kwargs": {"a": 1}}, {"keyword_arguments": {"a": 1}}),
        ({"write_disposition": "replace"}, {"write_disposition": {"disposition": "replace"}}),
        ({"primary_key": "id"}, {"primary_key": ["id"]}),
        ({"owners": "team:sales"}, {"owners": ["team:sales"]}),
        ({"automation": "0 6 * * *"}, {"automation": {"cron": "0 6 * * *"}}),
        ({"automation": "@daily"}, {"automation": {"condition": "on_cron", "cron": "@daily", "timezone": "utc"}}),
        ({"automation": "manual"}, {"automation": {"condition": "manual"}}),
        (
            {"schema_contract": "freeze"},
            {"schema_contract": dict.fromkeys(("tables", "columns", "data_type"), "freeze")},
        ),
    ],
    ids=str,
)
def test_spellings_that_mean_the_same(short: dict[str, Any], long: dict[str, Any]) -> None:
    """A single word is accepted for a list or a mapping with one item."""
    assert resource(**short) == resource(**long)


def test_the_map_form_equals_the_list_form(tmp_path: Path) -> None:
    """A destination as a key is the same as an item with `destination`."""
    as_list = load(tmp_path / "a", {"resources": [{**ROW, "args": [1]}]})
    as_map = load(tmp_path / "b", {"resources": {"raw.orders": {"entry": "data.get_rows", "arguments": [1]}}})
    assert as_list.resources == as_map.resources


@pytest.mark.parametrize(
    ("meta", "automation", "freshness"),
    [
        (
            {
                "automation_condition": "on_schedule",
                "automation_condition_config": {"cron_schedule": "@daily", "cron_timezone": "utc"},
                "freshness_lower_bound_delta_seconds": 108000,
            },
            Automation(cron="@daily", timezone="UTC"),
            Freshness(fail_after_hours=30),
        ),
        ({"automation_condition": "eager"}, Automation(condition="eager"), None),
        ({"freshness_lower_bound_delta_seconds": 3600}, None, Freshness(fail_after_hours=1)),
        ({}, None, None),
    ],
    ids=["all", "eager", "freshness", "nothing"],
)
def test_the_long_spelling_of_dagster(
    tmp_path: Path, meta: dict[str, Any], automation: Automation | None, freshness: Freshness | None
) -> None:
    """`meta.dagster` becomes `automation` and `freshness`; other metadata is kept."""
    [found] = load(tmp_path, {"resources": [{**ROW, "meta": {"dagster": meta, "tier": 1}}]}).resources
    assert (found.automation, found.freshness) == (automation, freshness)
    assert found.meta.model_extra == {"tier": 1}


SOURCE = {
    "owners": ["team:sales"],
    "automation": "@daily",
    "freshness": {"fail_after_hours": 30},
    "tags": {"domain": "sales", "tier": "gold"},
    "kinds": ["api"],
    "schema_contract": "freeze",
    "on_empty": "fail",
    "max_table_nesting": 1,
}


def test_a_resource_inherits_missing_keys(tmp_path: Path) -> None:
    """Every key of `source:` applies to every resource."""
    [found] = load(tmp_path, {"source": SOURCE, "resources": [ROW]}).resources
    assert found.owners == ("team:sales",)
    assert found.automation == Automation(cron="@daily")
    assert found.freshness == Freshness(fail_after_hours=30)
    assert (found.tags, found.kinds) == ({"domain": "sales", "tier": "gold"}, ("api",))
    assert (found.on_empty, found.max_table_nesting) == ("fail", 1)
    assert found.schema_contract
    assert found.schema_contract.columns == "freeze"


def test_a_resource_overrides_its_source(tmp_path: Path) -> None:
    """Tags and kinds are combined, other keys replaced, even by `[]`; a condition without cron takes the source's."""
    keys = {"owners": [], "automation": "manual", "tags": {"tier": "silver"}, "kinds": ["csv"], "on_empty": "keep"}
    found, on_cron = load(
        tmp_path,
        {"source": SOURCE, "resources": [{**ROW, **keys}, {**ROW, "destination": "raw.b", "automation": "on_cron"}]},
    ).resources
    assert (found.owners, found.on_empty) == ((), "keep")
    assert found.automation == Automation(condition="manual")
    assert (found.tags, found.kinds) == ({"domain": "sales", "tier": "silver"}, ("api", "csv"))
    assert on_cron.automation == Automation(cron="@daily")


def test_the_long_spelling_wins_over_the_source(tmp_path: Path) -> None:
    """`meta.dagster` of a resource overrides the keys of `source:`."""
    meta = {"dagster": {"automation_condition": "manual"}}
    [found] = load(tmp_path, {"source": SOURCE, "resources": [{**ROW, "meta": meta}]}).resources
    assert found.automation == Automation(condition="manual")


@pytest.mark.parametrize(
    "keys",
    [
        {"write_disposition": "merge", "primary_key": "id"},
        {"write_disposition": "merge", "merge_key": "day"},
        {"write_disposition": "merge", "columns": {"id": {"primary_key": True}}},
        {"write_disposition": {"disposition": "merge", "strategy": "scd2"}},
    ],
    ids=str,
)
def test_merge_with_a_key_is_accepted(keys: dict[str, Any]) -> None:
    """A key is enough, and the strategy scd2 needs none."""
    assert resource(**keys).write_disposition.disposition == "merge"


@pytest.mark.parametrize("strategy", ["delete-insert", "upsert", "insert-only"])
def test_merge_without_a_key_is_refused(strategy: str) -> None:
    """Every strategy but scd2 needs a key."""
    with pytest.raises(ValidationError, match="needs a primary_key or a merge_key"):
        resource(write_disposition={"disposition": "merge", "strategy": strategy})


def test_yaml_anchors_and_merge_keys_are_supported(tmp_path: Path) -> None:
    """YAML anchors and merge keys are supported."""
    config = load(
        tmp_path,
        """
        resources:
          - &base
            entry: data.get_rows
            destination: raw.a
            columns: &columns {id: {data_type: bigint}}
          - {<<: *base, destination: raw.b, columns: {<<: *columns, name: {data_type: text}}}
        """,
    )
    second = config.resources[1]
    assert (second.entry, second.destination, set(second.columns)) == ("data.get_rows", "raw.b", {"id", "name"})
    assert [place.line for place in config.places] == [3, 7]


def test_yaml_dates_are_dates(tmp_path: Path) -> None:
    """`start: 2024-01-01` and `start: "2024-01-01"` are the same first partition."""
    for folder, start in ((tmp_path / "a", "2024-01-01"), (tmp_path / "b", "'2024-01-01'")):
        merge = "write_disposition: merge, primary_key: id"
        text = f"resources: [{{entry: d.f, destination: raw.a, {merge}, partitions: {{by: daily, start: {start}}}}}]"
        partitions = load(folder, text).resources[0].partitions
        assert partitions
        assert partitions.start == date(2024, 1, 1)


def test_data_from_names_a_sibling(tmp_path: Path) -> None:
    """`data_from` is the table or the destination of another resource."""
    details = {"entry": "data.get_details", "destination": "raw.details"}
    for folder, name in ((tmp_path / "a", "orders"), (tmp_path / "b", "raw.orders")):
        config = load(folder, {"resources": [ROW, {**details, "data_from": name}]})
        assert config.find_resource(config.resources[1].data_from or "") == config.resources[0]


def test_a_disabled_parent_is_refused(tmp_path: Path) -> None:
    """A transformer whose parent is disabled is refused."""
    child = {"entry": "data.get_details", "destination": "raw.details", "data_from": "orders"}
    with pytest.raises(ConfigError, match="details takes its items from orders, which is not enabled"):
        load(tmp_path, {"resources": [{**ROW, "enabled": False}, child]})


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ('"""What it is."""\n', "What it is."),
        ('\ufeff"""What it is."""\n', "What it is."),
        ("X = 1\n", ""),
        (None, ""),
    ],
)
def test_the_folders_docstring_describes_the_source(tmp_path: Path, init: str | None, expected: str) -> None:
    """The docstring is read without an import; a folder without one has no description."""
    if init is not None:
        (tmp_path / "__init__.py").write_text(init, encoding="utf-8")
    assert load(tmp_path, {"resources": [ROW]}).description == expected
