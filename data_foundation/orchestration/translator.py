"""Translates resources to asset specs: decides keys, groups, kinds, owners, tags, metadata and automation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltTranslator
from typing_extensions import override

from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.table_names import child_name, child_table_of, further_table_of, table_name_of
from data_foundation.errors import Place
from data_foundation.naming import TableName
from data_foundation.orchestration.automation import PARTITIONS_TAG, TABLE_KIND, ingest_condition
from data_foundation.orchestration.code_version import find_code_version
from data_foundation.orchestration.keys import KeyPattern, source_key
from data_foundation.orchestration.materialization import PII_TAG
from data_foundation.orchestration.partitions import time_partitions
from data_foundation.process_wide import at_import  # noqa: F401 - imported for what it changes
from data_foundation.project.entry import EntryFacts, EntryPlace
from data_foundation.project.source import SourceConfig
from data_foundation.readers.descriptions import describe

# dagster-dlt's methods take a dlt resource, which does not exist at definition time; these take ResourceData instead.
# The base is Any so that a subclass of SourceTranslator needs no `type: ignore[override]`;
# tests/orchestration/test_translator.py compares the methods with dagster-dlt's instead.
_DltTranslator: Any = DagsterDltTranslator


@dataclass(frozen=True)
class ResourceData:
    """The argument of the translator's methods: a resource, as known without running any code of its source.

    Attributes:
        source: The source folder's configuration.
        resource: The resource's configuration.
        place: Place of the entry in the code.
        facts: Docstring and line of the entry.
        warehouse_kind: Kind of the warehouse, for instance duckdb.
        declared: File and line of the resource in sources.yaml.
        source_key: Asset key of the source.
        parent: The resource whose items this one takes, by `data_from` or as a transformer; None if there is none.
        suffix: Suffix of this deployment's schema names.
        database: Database of the warehouse, "" if it is not known without settings.
    """

    source: SourceConfig
    resource: ResourceConfig
    place: EntryPlace
    facts: EntryFacts
    warehouse_kind: str
    declared: Place
    source_key: dg.AssetKey
    parent: ResourceData | None = None
    suffix: str = ""
    database: str = ""

    def table_name(self, table: TableName) -> str:
        """Returns database.schema.table of this deployment for a table, as its materializations name it."""
        return ".".join(filter(None, (self.database, f"{table.dataset}{self.suffix}", table.table)))


@dataclass(frozen=True)
class ResourceAssets:
    """The assets that one resource materializes.

    Attributes:
        data: The resource.
        table: Spec of its table.
        child_tables: Specs of its nested tables, in the order of the resource's `child_tables`.
        tables: Specs of further tables, in the order of the resource's `tables`.
    """

    data: ResourceData
    table: dg.AssetSpec
    child_tables: tuple[dg.AssetSpec, ...] = ()
    tables: tuple[dg.AssetSpec, ...] = ()

    @property
    def specs(self) -> tuple[dg.AssetSpec, ...]:
        """The table's spec, then those of its nested tables, then those of further tables."""
        return (self.table, *self.child_tables, *self.tables)

    @property
    def keys(self) -> tuple[dg.AssetKey, ...]:
        """The keys of `specs`."""
        return tuple(spec.key for spec in self.specs)


class SourceTranslator(_DltTranslator):  # type: ignore[misc]  # the base is Any on purpose, see above
    """Translates resources into asset specs: dagster-dlt's translator, whose methods take `ResourceData`.

    Subclass it, override any method, and pass an instance to `build_definitions`:

        class CompanyTranslator(SourceTranslator):
            def get_asset_key(self, data: ResourceData) -> dg.AssetKey:
                return super().get_asset_key(data).with_prefix("lake")

            def get_asset_spec(self, data: ResourceData) -> dg.AssetSpec:
                return super().get_asset_spec(data).replace_attributes(group_name="ingestion")

    `SourceTranslator(asset_key="{dataset}/raw/{table}")` gives keys of three parts to all tables, and to dbt sources
    that others load. Every method below counts. `get_asset_spec` calls the others, so an override of it has the last
    word. Nested tables, checks, dependencies, events and dbt models follow the key of the spec that it returns.
    """

    key_pattern = KeyPattern()
    """The form of the keys that `get_asset_key` returns."""

    def __init__(self, asset_key: str = KeyPattern.text) -> None:
        """Takes the form of all asset keys.

        Args:
            asset_key: Parts joined by `/`: words, `{dataset}`, and at the end `{table}`.

        Raises:
            FoundationError: It has another form.
        """
        super().__init__()
        self.key_pattern = KeyPattern(asset_key)

    @override
    def __init_subclass__(cls, **options: Any) -> None:
        """Refuses overrides of dagster-dlt's methods that would have no effect.

        Raises:
            TypeError: Naming the methods and those that can be overridden.
        """
        super().__init_subclass__(**options)
        inherited = [name for name in dir(DagsterDltTranslator) if not name.startswith("__")]
        ignored = [
            name
            for name in inherited
            if name not in vars(SourceTranslator) and getattr(cls, name) is not getattr(SourceTranslator, name)
        ]
        if ignored:
            accepted = ", ".join(name for name in vars(SourceTranslator) if name.startswith("get_"))
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__}: overrides {', '.join(ignored)}, which would have no effect; "
                f"accepted: {accepted}"
            )

    @override
    def get_asset_spec(self, data: ResourceData) -> dg.AssetSpec:
        """Returns the spec of the asset that loads a resource, composed of what the other methods return."""
        return dg.AssetSpec(
            key=self.get_asset_key(data),
            deps=self.get_deps_asset_keys(data),
            description=self.get_description(data),
            group_name=self.get_group_name(data),
            kinds=self.get_kinds(data),
            owners=self.get_owners(data),
            tags=self.get_tags(data),
            metadata=self.get_metadata(data),
            automation_condition=self.get_automation_condition(data),
            freshness_policy=_freshness_policy(data.resource),
            partitions_def=time_partitions(data.resource.partitions) if data.resource.partitions else None,
            code_version=find_code_version(data.resource, data.source.folder, data.place),
        )

    @override
    def get_asset_key(self, data: ResourceData) -> dg.AssetKey:
        """Returns dataset and table, dagster-dbt's key of the table as a dbt source, unless `asset_key` is another."""
        return self.key_pattern.key_of(table_name_of(data.resource))

    @override
    def get_deps_asset_keys(self, data: ResourceData) -> Iterable[dg.AssetKey]:
        """Returns the key of the resource whose items this one takes, otherwise that of the source."""
        return [self.get_asset_spec(data.parent).key if data.parent else data.source_key]

    @override
    def get_description(self, data: ResourceData) -> str | None:
        """Returns the configured description, else what a reader reads, else the entry's docstring without sections."""
        return describe(data.resource, data.facts.docstring)

    @override
    def get_group_name(self, data: ResourceData) -> str | None:
        """Returns the name of the source folder."""
        return data.source.name

    @override
    def get_kinds(self, data: ResourceData) -> set[str]:
        """Returns `dlt`, the kind of the warehouse and the configured kinds."""
        return {TABLE_KIND, data.warehouse_kind, *data.resource.kinds}

    @override
    def get_owners(self, data: ResourceData) -> Sequence[str] | None:
        """Returns the configured owners."""
        return list(data.resource.owners)

    @override
    def get_tags(self, data: ResourceData) -> Mapping[str, str]:
        """Returns the configured tags, and the tag of partitioned tables, which an override cannot remove."""
        resource = data.resource
        return {**resource.tags, PARTITIONS_TAG: resource.partitions.by} if resource.partitions else resource.tags

    @override
    def get_metadata(self, data: ResourceData) -> Mapping[str, Any]:
        """Returns the table's name, its configured columns, links to the code, and the keys of `meta`."""
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
            "dagster/table_name": data.table_name(table_name_of(resource)),
            "dagster/code_references": _references(
                _reference(data.declared.file, data.declared.line), _reference(data.place.file, data.facts.line)
            ),
            "write_disposition": resource.meeting,
            **({"lake": f"{resource.lake}/{table_name_of(resource).table}"} if resource.lake else {}),
            **({"references": [str(one) for one in resource.references]} if resource.references else {}),
            **({"dagster/column_schema": dg.TableSchema(columns)} if columns else {}),
            **(resource.meta.model_extra or {}),
        }

    @override
    def get_automation_condition(self, data: ResourceData) -> dg.AutomationCondition[Any] | None:
        """Returns the condition of `automation`; None for a cron, whose schedule a condition takes the place of."""
        return ingest_condition(data.resource.automation) if data.resource.automation else None

    def get_child_spec(self, data: ResourceData, child: str, parent: dg.AssetSpec) -> dg.AssetSpec:
        """Returns the spec of a nested table, which lands with its parent table and depends on it."""
        *prefix, table = parent.key.path
        return parent.replace_attributes(
            key=dg.AssetKey([*prefix, child_name(table, child)]),
            deps=[parent.key],
            description=f"`{child}` of {'.'.join(parent.key.path)}, one row per item; join _dlt_parent_id to _dlt_id.",
            automation_condition=None,
            metadata={**parent.metadata, "dagster/table_name": data.table_name(child_table_of(data.resource, child))},
        )

    def get_table_spec(self, data: ResourceData, name: str, first: dg.AssetSpec) -> dg.AssetSpec:
        """Returns the spec of a further table that the resource's code fills; it lands with the resource's own."""
        *prefix, _ = first.key.path
        table = further_table_of(data.resource, name)
        return first.replace_attributes(
            key=dg.AssetKey([*prefix, table.table]),
            description=f"`{name}`: rows of {'.'.join(first.key.path)} that its code sends to a table of their own.",
            automation_condition=None,
            metadata={**first.metadata, "dagster/table_name": data.table_name(table)},
        )

    def get_source_spec(self, source: SourceConfig) -> dg.AssetSpec:
        """Returns the external asset of the vendor's system, upstream of the source's tables."""
        return dg.AssetSpec(
            key=source_key(source.name),
            description=source.description or None,
            group_name=source.name,
            kinds={"source"},
            owners=list(source.defaults.owners),
            metadata={"dagster/code_references": _references(_reference(source.file, 1))},
        )


def _freshness_policy(resource: ResourceConfig) -> dg.FreshnessPolicy | None:
    if resource.freshness is None:
        return None
    warn = resource.freshness.warn_after_hours
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=resource.freshness.fail_after_hours),
        warn_window=timedelta(hours=warn) if warn else None,
    )


@lru_cache(maxsize=1024)
def _reference(file: Path, line: int) -> dg.LocalFileCodeReference:
    return dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=f"{file.parent.name}/{file.name}")


def _references(*references: dg.LocalFileCodeReference) -> dg.CodeReferencesMetadataValue:
    return dg.CodeReferencesMetadataValue(code_references=list(references))
