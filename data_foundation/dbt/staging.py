"""Generates a staging model for each loaded table, with descriptions and tests that follow from its resource."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from data_foundation.config.table_names import child_table_of, table_name_of
from data_foundation.dbt.reserved_words import RESERVED, needs_quotes
from data_foundation.dbt.sources_yaml import Columns, YamlEntry, describe_tables, read_loaded
from data_foundation.errors import FoundationError
from data_foundation.naming import normalize

if TYPE_CHECKING:
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.project.find_sources import FoundEntry, FoundSource
    from data_foundation.warehouses.base import Warehouse

STAGING = Path("models", "staging")
"""The folder of staging models, relative to the dbt project."""

TYPES: Mapping[str, str] = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp with time zone",
    "decimal": "decimal(38, 9)",
}
"""The type of an empty column, by dlt's type, where a nested table does not exist; of others it is a text."""


UNIQUE = frozenset({"merge", "merge delete-insert", "merge upsert", "merge insert-only"})
"""Dispositions after which a table has one row for each primary key."""


@dataclass(frozen=True)
class StagingModel:
    """A staging model, before it is written.

    Attributes:
        name: Its name, for instance stg_shop__orders.
        sql: The query.
        properties: Its description, columns and tests, as dbt has them in YAML.
    """

    name: str
    sql: str
    properties: YamlEntry

    def files(self) -> dict[str, str]:
        """Returns the texts of its two files, by name."""
        text = yaml.safe_dump({"models": [self.properties]}, sort_keys=False, width=10_000, allow_unicode=True)
        return {f"{self.name}.sql": self.sql, f"{self.name}.yml": text}


def write_staging(project: Path, source: str, models: Sequence[StagingModel]) -> tuple[list[Path], list[Path]]:
    """Writes the models that do not exist yet; returns the files written, and those that were there and are kept.

    A model whose query or properties are there, under any folder of the project, is left as it is.

    Args:
        project: The folder of the dbt project.
        source: Name of the source folder, which is that of its models too.
        models: The models.
    """
    written: list[Path] = []
    kept: list[Path] = []
    for model in models:
        if there := sorted((project / "models").rglob(f"{model.name}.*")):
            kept += there
            continue
        for name, text in model.files().items():
            file = project / STAGING / source / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            written.append(file)
    return written, kept


def build_staging(source: FoundSource, warehouse: Warehouse) -> list[StagingModel]:
    """Returns a model for each loaded table of a source, and for each nested table in `child_tables`.

    Args:
        source: The source.
        warehouse: The warehouse in which its tables are.

    Raises:
        FoundationError: None of its tables was loaded into this warehouse.
    """
    models: list[StagingModel] = []
    with TemporaryDirectory() as folder, warehouse.open() as destination:
        for resource, entry in zip(source.config.resources, source.entries, strict=True):
            if resource.lands_in in (None, warehouse.kind) and resource.landing != "vault":
                loaded = read_loaded(resource, warehouse.dataset(table_name_of(resource).dataset), destination, folder)
                models += _build(source.config.name, resource, entry, loaded)
    if not models:
        raise FoundationError(
            f"{source.config.name}: none of its tables was loaded into {warehouse.location}, or all land in a vault; "
            f"`foundation run {source.config.name}` first: models have the columns that were loaded"
        )
    return models


def _build(
    source: str, resource: ResourceConfig, entry: FoundEntry, loaded: Mapping[str, Columns]
) -> Iterator[StagingModel]:
    children = {child_table_of(resource, child).table: child for child in resource.child_tables}
    for table in describe_tables(resource, entry, loaded):
        columns = loaded.get(table["name"])
        if columns and table["name"] in children:
            is_direct = "." not in children[table["name"]]
            yield _child_model(source, resource, table, columns, has_parent=is_direct)
        elif columns:
            own = table["name"] == table_name_of(resource).table
            yield _model(source, resource, table, columns, _keys(resource) if own else ())


def _model(
    source: str, resource: ResourceConfig, table: YamlEntry, columns: Columns, keys: Sequence[str]
) -> StagingModel:
    dataset = table_name_of(resource).dataset
    shown = [column for column in table["columns"] if not column["name"].startswith("_dlt_")]
    lines = [_select(column["name"], columns[column["name"]]) for column in shown]
    sql = f"{_list(lines)}\nfrom {_source(dataset, table['name'])}\n"
    name = _model_name(source, table["name"])
    is_unique = bool(keys) and _is_unique(resource)
    properties: YamlEntry = {"name": name, "description": table["description"]}
    if is_unique and len(keys) > 1:
        properties["data_tests"] = [_unique_together([_alias(key) for key in keys])]
    tests = ["unique", "not_null"] if is_unique and len(keys) == 1 else ["not_null"]
    properties["columns"] = [_properties(column, tests if column["name"] in keys else []) for column in shown]
    return StagingModel(name, sql, properties)


def _child_model(
    source: str, resource: ResourceConfig, table: YamlEntry, columns: Columns, *, has_parent: bool
) -> StagingModel:
    """Returns the model of a nested table: the key of its parent, the position in the list, and the columns."""
    dataset, parent = table_name_of(resource)
    shown = [column for column in table["columns"] if not column["name"].startswith("_dlt_")]
    types = {"_dlt_parent_id": "varchar", "_dlt_list_idx": "bigint"}
    types |= {column["name"]: TYPES.get(str(columns[column["name"]]["data_type"]), "varchar") for column in shown}
    keys = _keys(resource) if has_parent else ()
    own = {_alias(column["name"]) for column in shown}
    linked = {key: _free(f"{_short(source, parent)}_{key}", own) for key in keys}
    linked = linked or {"_dlt_parent_id": _free("parent_id", own)}
    position = _free("list_index", own)
    owner = "parents" if keys else "items"
    lines = [f"{owner}.{_raw(key)} as {alias}" for key, alias in linked.items()]
    lines += [f"items._dlt_list_idx as {position}"]
    lines += [_select(column["name"], columns[column["name"]], "items.") for column in shown]
    join = ""
    if keys:  # An item without its parent must not vanish: the test of the parent's key finds it.
        join = f"\nleft join {_source(dataset, parent)} as parents on items._dlt_parent_id = parents._dlt_id"
    sql = f"with items as (\n    {_items(dataset, table['name'], types)}\n)\n\n{_list(lines)}\nfrom items{join}\n"
    name = _model_name(source, table["name"])
    described = [
        *({"name": alias, "description": f"Of the row that has the list: {key}."} for key, alias in linked.items()),
        {"name": position, "description": "Position in the list, from 0."},
    ]
    listed_columns = [_properties(column, ["not_null"]) for column in described] + [_properties(c, []) for c in shown]
    properties: YamlEntry = {"name": name, "description": table["description"]}
    if keys and _is_unique(resource):
        properties["data_tests"] = [_unique_together([*linked.values(), position])]
    return StagingModel(name, sql, properties | {"columns": listed_columns})


def _is_unique(resource: ResourceConfig) -> bool:
    """Whether the table has one row for each primary key."""
    return not resource.merge_columns and resource.meeting in UNIQUE


def _unique_together(columns: Sequence[str]) -> YamlEntry:
    return {"unique_together": {"arguments": {"columns": list(columns)}}}


def _free(name: str, taken: Collection[str]) -> str:
    """Returns a name that no column of the item has: items often repeat the key of their parent."""
    return _free(f"parent_{name}", taken) if name in taken else name


def _list(expressions: Sequence[str]) -> str:
    return "select\n    " + ",\n    ".join(expressions)


def _items(dataset: str, table: str, types: Mapping[str, str]) -> str:
    """Returns the query of a nested table; the macro stands for one that dlt has not made yet, if it can read it."""
    if dataset != "raw":
        return f"select * from {_source(dataset, table)}"  # noqa: S608 - a model, with the names of loaded tables
    listed = ", ".join(f"'{column}': '{kind}'" for column, kind in types.items())
    return f"{{{{ child_table('{table}', {{{listed}}}) }}}}"


def _keys(resource: ResourceConfig) -> tuple[str, ...]:
    return tuple(map(normalize, resource.key_columns))


def _short(source: str, table: str) -> str:
    """Returns a table's name without its source's. shop__lines is nested in a table called as its source, shop."""
    prefix = f"{normalize(source)}_"
    return table if table.startswith(f"{prefix}_") else table.removeprefix(prefix)


def _model_name(source: str, table: str) -> str:
    return f"stg_{normalize(source)}__{_short(source, table).replace('__', '_')}"


def _source(dataset: str, table: str) -> str:
    return f"{{{{ source('{dataset}', '{table}') }}}}"


def _raw(name: str) -> str:
    return f"{{{{ raw_column('{name}') }}}}" if needs_quotes(name) else name


def _alias(name: str) -> str:
    """Returns the name of a column in a model, which needs no quotes."""
    return f"{name}_value" if name in RESERVED else name


def _select(name: str, column: Mapping[str, Any], owner: str = "") -> str:
    """Returns the expression of a column: times are UTC without a zone, as in all models."""
    read = f"{owner}{_raw(name)}"
    if column["data_type"] == "timestamp" and column.get("timezone") is not False:
        argument = f"'{owner}' ~ raw_column('{name}')" if needs_quotes(name) else f"'{read}'"
        return f"{{{{ to_utc({argument}) }}}} as {_alias(name)}"
    return read if read == name else f"{read} as {_alias(name)}"


def _properties(column: Mapping[str, Any], tests: Sequence[str]) -> YamlEntry:
    entry: YamlEntry = {"name": _alias(column["name"])}
    if description := column.get("description"):
        entry["description"] = description
    if config := column.get("config"):
        entry["config"] = config
    if tests:
        entry["data_tests"] = list(tests)
    return entry
