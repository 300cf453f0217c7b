"""What a resource is in Dagster: the one place that decides keys, groups, kinds, owners, tags and links."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltTranslator
from typing_extensions import override

from data_foundation.automation import PARTITIONED_TAG, ingest_condition
from data_foundation.config import SourceConfig
from data_foundation.entry import EntryFacts, EntryPlace
from data_foundation.errors import Place
from data_foundation.grammar import ResourceConfig
from data_foundation.materialization import PII_TAG
from data_foundation.table_names import child_key, table_key
from data_foundation.tree import SOURCE_KEY

# Links to code are marked beta in dagster 1.13; a person who starts a run should not read of it for every table.
warnings.filterwarnings("ignore", message=".*(LocalFileCodeReference|CodeReferencesMetadataValue).*")

_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class ResourceData:
    """What the translator is told of a resource; all of it is known without running any code of the source.

    Attributes:
        source: The folder.
        resource: Its configuration.
        place: Where the entry stands.
        facts: What the entry's text says of itself.
        warehouse_kind: For instance duckdb.
        declared: Where the resource is declared.
        suffix: What the schemas of this deployment end in.
    """

    source: SourceConfig
    resource: ResourceConfig
    place: EntryPlace
    facts: EntryFacts
    warehouse_kind: str
    declared: Place
    suffix: str = ""

    def table_name(self, key: tuple[str, str]) -> str:
        """Returns schema.table of this deployment for dataset and table."""
        dataset, table = key
        return f"{dataset}{self.suffix}.{table}"


class SourceTranslator(DagsterDltTranslator):
    """Translates resources into asset specs; subclass it, call `super()` and change what you want otherwise.

    It keeps the one override point of dagster-dlt's translator but takes `ResourceData`, since at definition time
    there is neither a pipeline nor a dlt resource.
    """

    @override
    def get_asset_spec(self, data: ResourceData) -> dg.AssetSpec:  # type: ignore[override]
        resource = data.resource
        return dg.AssetSpec(
            key=dg.AssetKey(table_key(resource)),
            deps=[self.upstream_key(data)],
            description=resource.description or data.facts.docstring,
            group_name=data.source.name,
            kinds={"dlt", data.warehouse_kind, *resource.kinds},
            owners=list(resource.owners),
            tags=self.get_asset_tags(resource),
            metadata=self.get_asset_metadata(data),
            automation_condition=ingest_condition(resource.automation) if resource.automation else None,
            freshness_policy=_freshness_policy(resource),
            partitions_def=_partitions(resource),
        )

    def get_child_spec(self, data: ResourceData, child: str, parent: dg.AssetSpec) -> dg.AssetSpec:
        """Returns the spec of a nested table; it lands with its parent and depends on it."""
        return parent.replace_attributes(
            key=dg.AssetKey(child_key(data.resource, child)),
            deps=[parent.key],
            description=f"`{child}` of {'.'.join(parent.key.path)}, a row per item; join _dlt_parent_id to _dlt_id.",
            automation_condition=None,
            metadata={**parent.metadata, "dagster/table_name": data.table_name(child_key(data.resource, child))},
        )

    def get_source_spec(self, source: SourceConfig) -> dg.AssetSpec:
        """Returns the external asset that stands for the vendor, upstream of the source's tables."""
        return dg.AssetSpec(
            key=source_key(source.name),
            description=source.description or None,
            group_name=source.name,
            kinds={"source"},
            owners=list(source.defaults.owners),
            metadata={"dagster/code_references": _references(_reference(source.file, 1))},
        )

    def upstream_key(self, data: ResourceData) -> dg.AssetKey:
        """Returns what a resource reads from: its source, or the resource whose items it takes."""
        if data.resource.data_from and (parent := data.source.find_resource(data.resource.data_from)):
            return dg.AssetKey(table_key(parent))
        return source_key(data.source.name)

    def get_asset_tags(self, resource: ResourceConfig) -> Mapping[str, str]:
        """Returns the configured tags, and what automation needs to know of the asset."""
        return {**resource.tags, PARTITIONED_TAG: "true"} if resource.partitions else resource.tags

    def get_asset_metadata(self, data: ResourceData) -> Mapping[str, Any]:
        """Returns the table's name, the columns known beforehand, links to the code, and free metadata."""
        resource = data.resource
        columns = [
            dg.TableColumn(
                name,
                hints.data_type or "unknown",
                description=hints.description,
                tags=PII_TAG if hints.pii else None,
            )
            for name, hints in resource.columns.items()
        ]
        return {
            "dagster/table_name": data.table_name(table_key(resource)),
            "dagster/code_references": _references(
                _reference(data.declared.file, data.declared.line), _reference(data.place.file, data.facts.line)
            ),
            "write_disposition": resource.meeting,
            **({"lake": f"{resource.lake}/{table_key(resource)[1]}"} if resource.lake else {}),
            **({"dagster/column_schema": dg.TableSchema(columns)} if columns else {}),
            **(resource.meta.model_extra or {}),
        }


def dagster_name(name: str) -> str:
    """Returns a folder's name as near as Dagster takes it; only that of a broken folder can differ."""
    return _NO_NAME.sub("_", name)


def source_key(name: str) -> dg.AssetKey:
    """Returns the key of the asset that stands for a source folder; Dagster makes an op's name of it."""
    spelt = dagster_name(name)
    return dg.AssetKey([SOURCE_KEY, name if spelt == name else f"{spelt}_{zlib.crc32(name.encode()):08x}"])


def _freshness_policy(resource: ResourceConfig) -> dg.FreshnessPolicy | None:
    if resource.freshness is None:
        return None
    warn = resource.freshness.warn_after_hours
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=resource.freshness.fail_after_hours),
        warn_window=timedelta(hours=warn) if warn else None,
    )


def _partitions(resource: ResourceConfig) -> dg.PartitionsDefinition[str] | None:
    if resource.partitions is None:
        return None
    kinds = {
        "hourly": dg.HourlyPartitionsDefinition,
        "daily": dg.DailyPartitionsDefinition,
        "weekly": dg.WeeklyPartitionsDefinition,
        "monthly": dg.MonthlyPartitionsDefinition,
    }
    partitions = resource.partitions
    fmt = "%Y-%m-%d-%H:%M" if partitions.by == "hourly" else "%Y-%m-%d"
    definition: dg.PartitionsDefinition[str] = kinds[partitions.by](
        start_date=partitions.start.strftime(fmt),
        end_date=partitions.end.strftime(fmt) if partitions.end else None,
        timezone=partitions.timezone,
    )
    return definition


@lru_cache(maxsize=1024)
def _reference(file: Path, line: int) -> dg.LocalFileCodeReference:
    return dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=f"{file.parent.name}/{file.name}")


def _references(*references: dg.LocalFileCodeReference) -> dg.CodeReferencesMetadataValue:
    return dg.CodeReferencesMetadataValue(code_references=list(references))
