"""Tests that every override of a user's translator applies, and that everything derived from a key follows it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_dlt import DagsterDltTranslator
from typing_extensions import override

from data_foundation.errors import FoundationError
from data_foundation.orchestration.asset_keys import read_asset_keys
from data_foundation.orchestration.automation import LOADED_BY_TAG, PARTITIONS_TAG
from data_foundation.orchestration.dbt_models.assets import ModelTranslator, build_dbt_assets
from data_foundation.orchestration.factory import build_definitions
from data_foundation.orchestration.translator import ResourceData, SourceTranslator
from data_foundation.warehouses.settings import build_warehouse
from tests.support.locations import Location, failure, landed

ROOT = Path(__file__).parents[2]

TWO_PARTS = 2
TREE = """
source: {owners: ["team:sales"], checks: {row_count: {min: 1}}}
resources:
  - {entry: data.get_rows, destination: raw.orders, child_tables: [items], primary_key: id, automation: eager,
     description: All orders., tags: {domain: sales}}
  - {entry: data.get_more, destination: raw.details, data_from: orders}
"""
DATA = """
def get_rows():
    yield {"id": 1, "items": [{"sku": "a"}, {"sku": "b"}]}


def get_more(item):
    yield {"order_id": item["id"]}
"""
EAGER = dg.AutomationCondition.eager()
VENDOR = dg.AssetKey(["vendor", "api"])

OVERRIDES: list[Any] = [
    pytest.param("get_asset_key", dg.AssetKey(["lake", "orders"]), lambda spec: spec.key, id="key"),
    pytest.param("get_group_name", "ingestion", lambda spec: spec.group_name, id="group"),
    pytest.param("get_tags", {"tier": "gold"}, lambda spec: {"tier": spec.tags["tier"]}, id="tags"),
    pytest.param("get_owners", ["team:platform"], lambda spec: list(spec.owners), id="owners"),
    pytest.param("get_description", "Our words.", lambda spec: spec.description, id="description"),
    pytest.param("get_kinds", {"api", "json"}, lambda spec: spec.kinds, id="kinds"),
    pytest.param("get_metadata", {"cost": 7}, lambda spec: dict(spec.metadata), id="metadata"),
    pytest.param("get_automation_condition", EAGER, lambda spec: spec.automation_condition, id="automation condition"),
    pytest.param("get_deps_asset_keys", [VENDOR], lambda spec: [dep.asset_key for dep in spec.deps], id="deps"),
]


@pytest.mark.parametrize(("method", "value", "read"), OVERRIDES)
def test_an_override_decides_its_attribute(
    location: Location, method: str, value: Any, read: Callable[[dg.AssetSpec], Any]
) -> None:
    """The value that a method of a user's translator returns is the asset's attribute in the built definitions."""

    def returned(self: SourceTranslator, data: ResourceData) -> Any:
        is_orders = data.resource.destination == "raw.orders"
        return value if is_orders else getattr(SourceTranslator, method)(self, data)

    location.add("shop", TREE, DATA)
    specs = build_specs(location, type("Override", (SourceTranslator,), {method: returned})())
    key = "lake/orders" if method == "get_asset_key" else "raw/orders"
    assert read(specs[key]) == value
    assert read(specs["raw/details"]) != value if method != "get_tags" else "tier" not in specs["raw/details"].tags


def test_each_attribute_can_be_read_from_the_translator(location: Location) -> None:
    """Without an override, every method returns the attribute of the spec that is built."""
    seen: list[ResourceData] = []

    class Watching(SourceTranslator):
        @override
        def get_asset_spec(self, data: ResourceData) -> dg.AssetSpec:
            seen.append(data)
            return super().get_asset_spec(data)

    location.add("shop", TREE, DATA)
    translator = Watching()
    spec = build_specs(location, translator)["raw/orders"]
    data = next(data for data in seen if data.resource.destination == "raw.orders")
    assert translator.get_asset_key(data) == spec.key
    assert translator.get_group_name(data) == spec.group_name == "shop"
    assert translator.get_tags(data).items() <= spec.tags.items()
    assert translator.get_owners(data) == spec.owners == ["team:sales"]
    assert translator.get_description(data) == spec.description == "All orders."
    assert translator.get_kinds(data) == spec.kinds
    assert translator.get_metadata(data) == spec.metadata
    assert translator.get_automation_condition(data) == spec.automation_condition
    assert list(translator.get_deps_asset_keys(data)) == [dep.asset_key for dep in spec.deps]


def test_every_method_of_dagster_dlt_is_supported_or_refused() -> None:
    """A method that a new version of dagster-dlt's translator has must be supported, or listed as refused."""
    public = {name for name in vars(DagsterDltTranslator) if name.startswith("get_")}
    assert public - vars(SourceTranslator).keys() == {"get_auto_materialize_policy"}
    assert {name for name, *_ in (case.values for case in OVERRIDES)} == public - {
        "get_auto_materialize_policy",
        "get_asset_spec",
    }


@pytest.mark.parametrize("name", ["get_auto_materialize_policy", "_default_asset_key_fn"])
def test_an_override_without_effect_is_refused(name: str) -> None:
    """The class cannot be created; the message names the method and the supported ones."""
    with pytest.raises(TypeError, match=rf"Override: overrides {name}, which would have no effect; .*get_asset_key"):
        type("Override", (SourceTranslator,), {name: lambda _self, _resource: None})


class Prefixed(SourceTranslator):
    """Puts every table below `lake`."""

    @override
    def get_asset_key(self, data: ResourceData) -> dg.AssetKey:
        """Returns the key with the prefix."""
        return super().get_asset_key(data).with_prefix("lake")


class PrefixedSpec(SourceTranslator):
    """Does the same in `get_asset_spec`, which is called last, and changes the group too."""

    @override
    def get_asset_spec(self, data: ResourceData) -> dg.AssetSpec:
        """Returns the spec with the prefix and the group."""
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=spec.key.with_prefix("lake"), group_name="ingestion")


EACH_WAY = pytest.mark.parametrize(
    "translator",
    [
        pytest.param(Prefixed(), id="get_asset_key"),
        pytest.param(PrefixedSpec(), id="get_asset_spec"),
        pytest.param(SourceTranslator("lake/{dataset}/{table}"), id="asset_key", marks=pytest.mark.rare),
    ],
)


@EACH_WAY
def test_lineage_and_checks_follow_the_key(location: Location, translator: SourceTranslator) -> None:
    """Nested tables, transformers and checks use the key that the translator returns."""
    location.add("shop", TREE, DATA)
    graph = build_definitions(location.root, translator=translator).resolve_asset_graph()
    assert {key.to_user_string(): parents(graph, key) for key in graph.materializable_asset_keys} == {
        "lake/raw/orders": {"source/shop"},
        "lake/raw/orders__items": {"lake/raw/orders"},
        "lake/raw/details": {"lake/raw/orders"},
    }
    tables = {"lake/raw/orders", "lake/raw/details"}
    assert {check.asset_key.to_user_string() for check in graph.asset_check_keys} == tables
    group = "ingestion" if isinstance(translator, PrefixedSpec) else "shop"
    assert {graph.get(key).group_name for key in graph.materializable_asset_keys} == {group}


@EACH_WAY
def test_a_run_materializes_the_key(location: Location, translator: SourceTranslator) -> None:
    """A run loads the configured tables and reports rows, child rows and checks with the translator's keys."""
    location.add("shop", TREE, DATA)
    result = materialize(location, translator)
    assert result.success, failure(result)
    assert landed(result) == {"lake/raw/orders", "lake/raw/orders__items", "lake/raw/details"}
    [items] = result.asset_materializations_for_node("shop")[1:2]
    assert items.asset_key.path[-1] == "orders__items"
    assert items.metadata["dagster/row_count"].value == 2
    checked = {evaluation.asset_key.to_user_string() for evaluation in result.get_asset_check_evaluations()}
    assert checked == {"lake/raw/orders", "lake/raw/details"}
    assert location.query("SELECT COUNT(*) FROM raw.orders__items") == [(2,)]


def test_a_run_of_a_nested_table_alone_is_selected_by_its_key(location: Location) -> None:
    """The selection uses the translator's keys; the parent is loaded and materialized too."""
    location.add("shop", TREE, DATA)
    result = materialize(location, Prefixed(), "lake/raw/orders__items")
    assert result.success, failure(result)
    assert landed(result) == {"lake/raw/orders__items", "lake/raw/orders"}
    assert location.query("SELECT COUNT(*) FROM raw.orders") == [(1,)]


def test_a_dependency_between_siblings_orders_their_events(location: Location) -> None:
    """A translator may make a table depend on others of its source, in whatever order they are loaded."""

    class Chained(SourceTranslator):
        @override
        def get_deps_asset_keys(self, data: ResourceData) -> Iterable[dg.AssetKey]:
            return [dg.AssetKey(["raw", name]) for name in (data.resource.meta.model_extra or {})["after"]]

    location.add(
        "shop",
        """
        resources:
          - {entry: data.get_quickly, destination: raw.a, meta: {after: [b, c]}}
          - {entry: data.get_slowly, destination: raw.b, meta: {after: [c]}}
          - {entry: data.get_slowly, destination: raw.c, meta: {after: []}}
        """,
        """
        import time

        def get_quickly():
            yield {"id": 1}

        def get_slowly():
            time.sleep(1)
            yield {"id": 1}
        """,
    )
    result = materialize(location, Chained())
    assert result.success, failure(result)
    events = [event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key]
    assert events == ["c", "b", "a"]


def test_dependencies_follow_the_key_of_the_source(location: Location) -> None:
    """Tables depend on the key that an overridden `get_source_spec` gives to their source."""

    class Vendors(SourceTranslator):
        @override
        def get_source_spec(self, source: Any) -> dg.AssetSpec:
            return super().get_source_spec(source).replace_attributes(key=["vendors", source.name])

    location.add("shop", TREE, DATA)
    graph = build_definitions(location.root, translator=Vendors()).resolve_asset_graph()
    assert parents(graph, dg.AssetKey(["raw", "orders"])) == {"vendors/shop"}
    assert "source/shop" not in {key.to_user_string() for key in graph.get_all_asset_keys()}


@pytest.mark.parametrize(
    ("translator", "key"),
    [
        pytest.param(Prefixed(), "lake/raw/exchange_rate", id="get_asset_key"),
        pytest.param(
            SourceTranslator("{dataset}/src/{table}"), "raw/src/exchange_rate", id="asset_key", marks=pytest.mark.rare
        ),
    ],
)
def test_dbt_models_follow_the_key(translator: SourceTranslator, key: str) -> None:
    """The models of this project depend on the translator's keys, and no default key is left in the graph."""
    warehouse = build_warehouse(ROOT)
    ingestion = build_definitions(ROOT, warehouse, translator)
    definitions = dg.Definitions.merge(ingestion, build_dbt_assets(ROOT, warehouse, ingestion))
    graph = definitions.resolve_asset_graph()
    assert key in parents(graph, dg.AssetKey(["staging", "stg_exchange_rate__latest"]))
    assert not [key for key in graph.get_all_asset_keys() if key.path[0] == "raw" and len(key.path) == TWO_PARTS]


DBT_SOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "loaded here": ({}, "raw/src/orders"),
    "loaded by others": ({"source_name": "crm"}, "crm/src/orders"),
    "with a key of its own": ({"meta": {"dagster": {"asset_key": ["mine", "orders"]}}}, "mine/orders"),
    "with an override": ({"name": "details"}, "raw/details"),
}


@pytest.mark.parametrize(("props", "key"), DBT_SOURCES.values(), ids=DBT_SOURCES)
def test_a_dbt_source_has_the_form_of_all_keys(location: Location, props: dict[str, Any], key: str) -> None:
    """The form holds for dbt sources, whoever loads them, unless their YAML or the translator gives another key."""

    class Mixed(SourceTranslator):
        @override
        def get_asset_key(self, data: ResourceData) -> dg.AssetKey:
            is_details = data.resource.table == "details"
            return dg.AssetKey(["raw", "details"]) if is_details else super().get_asset_key(data)

    location.add("shop", TREE, DATA)
    keys = read_asset_keys(build_definitions(location.root, translator=Mixed("{dataset}/src/{table}")))
    found = ModelTranslator(keys).get_asset_key(
        {"resource_type": "source", "source_name": "raw", "name": "orders", "meta": {}, **props}
    )
    assert found.to_user_string() == key


@pytest.mark.parametrize(
    "asset_key", ["", "{table}/raw", "{dataset}", "raw//{table}", "{source}/{table}", "a b/{table}"]
)
def test_a_form_without_a_table_at_its_end_is_refused(asset_key: str) -> None:
    """The last part is the table, as nested tables have its prefix; others are words or the dataset."""
    with pytest.raises(FoundationError, match=r"asset_key: got .*; accepted are parts joined by /"):
        SourceTranslator(asset_key)


def test_automation_selects_tables_with_any_kinds_and_tags(location: Location) -> None:
    """A translator that replaces kinds and tags keeps the tags that the conditions of dbt models select by."""

    class Bare(SourceTranslator):
        @override
        def get_kinds(self, data: ResourceData) -> set[str]:
            return {"api"}

        @override
        def get_asset_spec(self, data: ResourceData) -> dg.AssetSpec:
            return super().get_asset_spec(data).replace_attributes(tags={"tier": "gold"})

    location.add(
        "shop",
        "resources: [{entry: data.get_rows, destination: raw.days, write_disposition: merge, primary_key: id,"
        " partitions: {by: daily, start: 2024-01-01}, child_tables: [items]}]",
    )
    specs = build_specs(location, Bare())
    expected = {"tier": "gold", LOADED_BY_TAG: "dlt", PARTITIONS_TAG: "daily"}
    assert all(expected.items() <= specs[key].tags.items() for key in ("raw/days", "raw/days__items"))


def test_two_tables_with_one_key_break_their_source_alone(location: Location) -> None:
    """Each source that takes a key of another becomes a failing asset that names both; the others are loadable."""

    class Same(SourceTranslator):
        @override
        def get_asset_key(self, data: ResourceData) -> dg.AssetKey:
            return dg.AssetKey(["raw", data.source.name[0]])

    for name in ("alpha", "beta", "bravo"):
        location.add(name)
    specs = build_specs(location, Same())
    assert {"raw/a", "raw/b"} <= specs.keys()
    assert "asset key raw/b: already used in dlthub/beta" in (specs["source/bravo"].description or "")


def test_keys_with_one_output_name_break_their_source(location: Location) -> None:
    """Dagster names an output after the key's parts: two keys of a source that give the same name are refused."""

    class Split(SourceTranslator):
        @override
        def get_asset_key(self, data: ResourceData) -> dg.AssetKey:
            return dg.AssetKey(["a", "b__c"] if data.resource.table == "orders" else ["a__b", "c"])

    location.add("shop", TREE, DATA)
    description = build_specs(location, Split())["source/shop"].description or ""
    assert "asset keys with the same output name: a/b__c and a__b/c" in description


def build_specs(location: Location, translator: SourceTranslator) -> Mapping[str, dg.AssetSpec]:
    """Returns every asset's spec by its key."""
    definitions = build_definitions(location.root, translator=translator)
    dg.Definitions.validate_loadable(definitions)
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def materialize(location: Location, translator: SourceTranslator, *keys: str) -> dg.ExecuteInProcessResult:
    """Runs the assets of these keys, all if there are none."""
    definitions = build_definitions(location.root, translator=translator)
    assets = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    return dg.materialize(assets, selection=list(keys) or None, raise_on_error=False)


def parents(graph: Any, key: dg.AssetKey) -> set[str]:
    """Returns the keys that an asset depends on."""
    return {parent.to_user_string() for parent in graph.get(key).parent_keys}


def test_references_are_shown_with_the_asset(location: Location) -> None:
    """The asset's metadata names the columns that refer to another table, and those that they refer to."""
    reference = "{referenced_table: customers, columns: [region, customer], referenced_columns: [region, id]}"
    location.add("shop", f"resources: [{{entry: data.get_rows, destination: raw.t, references: [{reference}]}}]")
    shown = location.specs()["raw/t"].metadata["references"]
    assert shown == ["region, customer -> customers.region, customers.id"]
