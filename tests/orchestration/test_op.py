"""Tests that the op of a source is the one that Dagster's own decorator builds for the same tables and checks."""

from collections.abc import Sequence

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value
from typing_extensions import override

from data_foundation.orchestration import factory
from data_foundation.orchestration.asset_checks import check_specs
from data_foundation.orchestration.factory import build_definitions
from data_foundation.orchestration.ops.launchpad import INGEST_FIELDS
from data_foundation.orchestration.ops.run import ingest_resources
from data_foundation.orchestration.translator import ResourceAssets, ResourceData, SourceTranslator
from data_foundation.warehouses.base import Warehouse
from tests.support.locations import Location

TREE = """
source: {owners: ["team:sales"], checks: {row_count: {min: 1}}}
resources:
  - {entry: data.get_rows, destination: raw.orders, child_tables: [items, notes.lines], primary_key: id,
     columns: {id: {data_type: bigint, description: Its number.}}, automation: eager, freshness: {fail_after_hours: 3},
     meta: {day: 2024-01-31}}
  - {entry: data.get_more, destination: raw.details, data_from: orders, checks: {accepted_values: {kind: [a, b]}}}
  - {entry: data.get_rows, destination: raw.days, write_disposition: merge, primary_key: id,
     partitions: {by: daily, start: 2024-01-01}}
"""
ONE_OUTPUT = "resources: [{entry: data.get_rows, destination: raw.lonely, checks: {schema_drift: ignore}}]"
DATA = "def get_rows():\n    yield [{'id': 1}]\n\n\ndef get_more(item):\n    yield item\n"


class Meddling(SourceTranslator):
    """Gives a table an IO manager, a code version and a dependency on its previous partition, which ours never have."""

    @override
    def get_asset_spec(self, data: ResourceData) -> dg.AssetSpec:
        """Returns the spec with these attributes."""
        spec = super().get_asset_spec(data)
        if not data.resource.partitions:
            return spec.with_io_manager_key("io_manager").replace_attributes(code_version="7")
        before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
        return spec.replace_attributes(deps=[*spec.deps, dg.AssetDep(spec.key, partition_mapping=before)])


@pytest.mark.parametrize("translator", [SourceTranslator(), Meddling()], ids=["default", "custom"])
@pytest.mark.filterwarnings("error:Support for arbitrary metadata:DeprecationWarning")
def test_the_op_equals_that_of_the_decorator(
    location: Location, monkeypatch: pytest.MonkeyPatch, translator: SourceTranslator
) -> None:
    """The snapshots of all ops, inputs, outputs, assets, checks and jobs are equal."""
    location.add("shop", TREE, DATA)
    location.add("hermit", ONE_OUTPUT, DATA)
    ours = _snapshots(build_definitions(location.root, translator=translator))
    monkeypatch.setattr(factory, "build_loading_op", _decorated)
    assert ours == _snapshots(build_definitions(location.root, translator=translator))
    assert "raw__orders_row_count" in ours
    assert "__subset_input__raw__orders" in ours


CALLED_LIKE_A_TABLE = """
resources:
  - {entry: data.get_rows, destination: raw.x, primary_key: id, checks: {primary_key: block}}
  - {entry: data.get_rows, destination: raw.x_primary_key}
"""
THERE_TWICE = "resources: [{entry: data.get_rows, destination: raw.x, checks: {accepted_values: {a: [1], A: [2]}}}]"


@pytest.mark.parametrize(
    ("yaml", "why"), [(CALLED_LIKE_A_TABLE, "output names overlap"), (THERE_TWICE, "Duplicate check specs")]
)
def test_duplicate_outputs_are_refused_as_by_the_decorator(
    location: Location, monkeypatch: pytest.MonkeyPatch, yaml: str, why: str
) -> None:
    """Two outputs with the same name break the source, with the decorator's message."""
    location.add("shop", yaml)
    ours = location.specs()["source/shop"].description or ""
    assert why in ours
    monkeypatch.setattr(factory, "build_loading_op", _decorated)
    assert ours == location.specs()["source/shop"].description


def _decorated(name: str, members: Sequence[ResourceAssets], warehouse: Warehouse) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=name,
        specs=[spec for assets in members for spec in assets.specs],
        check_specs=[check for assets in members for check in check_specs(assets.data.resource, assets.table.key)],
        config_schema=INGEST_FIELDS,
        can_subset=True,
        pool=members[0].data.source.name,
        backfill_policy=dg.BackfillPolicy.single_run() if members[0].data.resource.partitions else None,
    )
    def ingest(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]  # noqa: ANN202
        yield from ingest_resources(context, members, warehouse)

    return ingest


def _snapshots(definitions: dg.Definitions) -> str:
    repository = definitions.get_repository_def()
    jobs = [serialize_value(job.get_job_snapshot()) for job in repository.get_all_jobs()]
    return "\n".join([serialize_value(RepositorySnap.from_def(repository)), *jobs])
