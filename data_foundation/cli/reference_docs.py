"""Generates the tables of the pages in docs/reference/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from data_foundation.cli.json_lines import WRITING, build_line_schemas
from data_foundation.cli.python_reference import describe_python
from data_foundation.config.alerts.keys import Digest, SourceAlerts, TreeAlerts
from data_foundation.config.alerts.targets import ChatWebhook, Email, Target, Webhook
from data_foundation.config.check_fields import AcceptedValues, Checks, RowCount
from data_foundation.config.fields import (
    ColumnHints,
    Incremental,
    LakePlace,
    NestedHints,
    Partitions,
    Reference,
    SchemaContract,
    WriteDisposition,
)
from data_foundation.config.grammar import NamedSource, ResourceConfig, SourceDefaults, SourceResources
from data_foundation.config.limits import Retries, Timeout
from data_foundation.config.schedules import Automation, Freshness
from data_foundation.project.repository.editor_schemas import write_schemas
from data_foundation.warehouses import promises
from data_foundation.warehouses.base import Setting
from data_foundation.warehouses.settings import (
    ENGINES,
    FOLDER_SETTINGS,
    GENERAL_SETTINGS,
    OBSERVER_SETTINGS,
    RUN_SETTINGS,
)

PAGES = "docs/reference"
MAPPINGS: Mapping[str, type[BaseModel]] = {
    "write_disposition": WriteDisposition,
    "incremental": Incremental,
    "partitions": Partitions,
    "lake": LakePlace,
    "freshness": Freshness,
    "automation": Automation,
    "retries": Retries,
    "timeout": Timeout,
    "schema_contract": SchemaContract,
    "checks": Checks,
    "checks.row_count": RowCount,
    "checks.accepted_values.<column>": AcceptedValues,
    "columns.<name>": ColumnHints,
    "nested_hints.<list>": NestedHints,
    "references[]": Reference,
}
"""The keys of a resource that have a table of their own in the reference, by their path."""

ALERTS: Mapping[str, type[BaseModel]] = {
    "alerts": TreeAlerts,
    "alerts.targets.<name>": Target,
    "alerts.targets.<name>.slack, teams": ChatWebhook,
    "alerts.targets.<name>.email": Email,
    "alerts.targets.<name>.webhook": Webhook,
    "alerts.digest": Digest,
}
"""The mappings of `alerts:`, in `alerts.yaml` and in a source, by their path."""

_ANCHORS = {re.sub(r"\.<.*", "", path).rpartition(".")[2]: re.sub(r"\W", "", path) for path in MAPPINGS}
_PAGE = re.compile(r"docs/([\w/-]+\.md)")
BEGIN, END = "<!-- begin: written by `foundation docs` -->", "<!-- end -->"


def build_pages(command: Any) -> Mapping[str, str]:
    """Returns the generated part of each page in docs/reference/, by file name.

    Args:
        command: The command line to describe, as click has it.
    """
    return {
        "configuration.md": _describe_configuration(),
        "cli.md": "\n\n".join(_describe_commands(command, "foundation")),
        "settings.md": _describe_settings(),
        "python.md": describe_python(),
        "json-lines.md": _describe_lines(),
        "warehouses.md": f"{promises.build_table()}\n\nWhere a promise is not kept:\n\n{promises.build_meanings()}",
    }


def build_line_files() -> Mapping[str, str]:
    """Returns the text of the JSON Schema of each command's lines, by path below docs/reference/."""
    return {_line_file(name): json.dumps(schema, indent=2) + "\n" for name, schema in build_line_schemas().items()}


def write_reference(root: Path, command: Any) -> list[Path]:
    """Writes the JSON Schemas, and the generated parts of the pages that exist below `root`.

    Args:
        root: The repository. An installed package has no docs/ folder: then only the schemas are written.
        command: The command line to describe, as click has it.

    Returns:
        The files written.
    """
    schemas = write_schemas(root)
    generated = {root / PAGES / name: text for name, text in build_pages(command).items()}
    present = {page: text for page, text in generated.items() if page.is_file()}
    for page, text in present.items():
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    lines = {root / PAGES / name: text for name, text in build_line_files().items()} if present else {}
    for file, text in lines.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return [*schemas, *present, *lines]


def _line_file(command: str) -> str:
    """Returns the path of the JSON Schema of a command's lines, for instance json/audit-jobs.schema.json."""
    name = "write" if command in WRITING else command.replace(" --", "-").replace(" ", "-")
    return f"json/{name}.schema.json"


def _describe_lines() -> str:
    """Returns a table of keys for each command with `--json`."""
    parts = []
    schemas = {name: schema for name, schema in build_line_schemas().items() if name not in WRITING[1:]}
    for name, schema in schemas.items():
        title = "Commands that write" if name in WRITING else f"`foundation {name} --json`"
        part = f"## {title}\n\n{schema['description']} [JSON Schema]({_line_file(name)})."
        if name in WRITING:
            part += f"\n\nThat is {', '.join(f'`foundation {one} --json`' for one in WRITING)}."
        rows = [f"| `{key}` | {_accepts(one)} | {_cell(one['description'])} |" for key, one in _keys(schema).items()]
        parts.append("\n".join([part, "", "| key | type | meaning |", "|---|---|---|", *rows]) if rows else part)
    return "\n\n".join(parts)


def _keys(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    keys: Mapping[str, Any] = schema.get("properties", {})
    return keys


def _describe_configuration() -> str:
    """Returns a table for each mapping of `sources.yaml`: keys, accepted values, defaults and meanings."""
    shared = set(SourceDefaults.model_fields)
    own = [name for name in ResourceConfig.model_fields if name not in shared]
    inherited = [name for name in ResourceConfig.model_fields if name in shared]
    parts: list[tuple[str, type[BaseModel], list[str]]] = [
        ("A resource", ResourceConfig, own),
        ("A resource, or `source:` for all of a folder", ResourceConfig, inherited),
        ("`source:` only", SourceDefaults, ["max_concurrency"]),
        ("A block of `sources:` only", NamedSource, ["resources"]),
        ("Resources of a dlt source", SourceResources, ["source", "rest_api", "tables"]),
        *((f"`{path}`", model, list(model.model_fields)) for path, model in MAPPINGS.items()),
        ("`alerts` of a source only", SourceAlerts, ["inherit"]),
        *((f"`{path}`", model, list(model.model_fields)) for path, model in ALERTS.items()),
    ]
    return "\n\n".join(f"## {title}\n\n{_keys_table(model, names)}" for title, model, names in parts)


def _keys_table(model: type[BaseModel], names: list[str]) -> str:
    properties = model.model_json_schema(by_alias=False)["properties"]
    rows = ["| key | accepts | default | meaning |", "|---|---|---|---|"]
    for name in names:
        field = model.model_fields[name]
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        spelling = f"`{name}` (`{field.alias}`)" if field.alias else f"`{name}`"
        meaning = _PAGE.sub(r"[details](../\1)", field.description or "")
        accepts = _accepts(properties[name])
        if name in _ANCHORS:
            accepts = accepts.replace("mapping", f"[mapping](#{_ANCHORS[name]})")
        rows.append(f"| {spelling} | {accepts} | {default} | {meaning} |")
    return "\n".join(rows)


def _default(value: object) -> str:
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, BaseModel):
        value = next(iter(value.model_dump(exclude_none=True).values()), "")
        return f"`{value}`" if isinstance(value, str) and value else ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _accepts(schema: dict[str, Any]) -> str:
    """Returns the accepted values of a property, as text for the reference."""
    if "enum" in schema:
        return ", ".join(f"`{word if isinstance(word, str) else json.dumps(word)}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if schema.get("additionalProperties") == {"type": "null"}:
        return "list"  # a set, in YAML {a, b}
    if "anyOf" in schema:
        parts = [_accepts(part) for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if "$ref" in schema:
        return "mapping"
    kinds = {"array": "list", "object": "mapping", "boolean": "true, false", "string": "text", "integer": "number"}
    kind: str = schema.get("format") or schema.get("type", "anything")
    return kinds.get(kind, kind)


def _describe_commands(command: Any, name: str, parent: typer.Context | None = None) -> Iterator[str]:
    """Yields a section for a command: usage, purpose, arguments and options; for a group those of its commands."""
    context = typer.Context(command, info_name=name, parent=parent)
    if hasattr(command, "commands"):
        for child, subcommand in command.commands.items():
            yield from _describe_commands(subcommand, child, context)
        return
    usage = command.get_usage(context).removeprefix("Usage: ")
    section = f"## `{context.command_path}`\n\n{command.help}\n\n```text\n{usage}\n```"
    rows = [_parameter_row(parameter, context) for parameter in command.params]
    if rows:
        section += "\n\n" + "\n".join(["| argument or option | meaning |", "|---|---|", *rows])
    yield section


def _parameter_row(parameter: Any, context: typer.Context) -> str:
    spelling, meaning = parameter.get_help_record(context)
    if parameter.param_type_name == "argument":
        spelling, _, _ = spelling.partition(" <")  # the argument's type, which is always text
    return f"| `{_cell(spelling)}` | {_cell(meaning)} |"


def _describe_settings() -> str:
    """Returns a table of the settings of all warehouses, and one for each warehouse."""
    titles = {
        "duckdb": "DuckDB: `WAREHOUSE=duckdb`",
        "snowflake": "Snowflake: `WAREHOUSE=snowflake`",
        "postgres": "PostgreSQL: `WAREHOUSE=postgres`",
        "ducklake": "DuckLake: `WAREHOUSE=ducklake`, and for a catalogue in PostgreSQL its settings too",
        "lake": "A data lake: `WAREHOUSE=lake` or `filesystem`",
        "databricks": "Databricks: `WAREHOUSE=databricks`",
        "sqlalchemy": "MariaDB, MySQL, SQLite: `WAREHOUSE=sqlalchemy`",
    }
    parts = [("Every warehouse", GENERAL_SETTINGS), ("Runs in Dagster", RUN_SETTINGS)]
    parts += [(title, ENGINES[name].known_settings) for name, title in titles.items()]
    parts.append(("Folders that are written", FOLDER_SETTINGS))
    parts.append(("Traces, metrics and lineage", OBSERVER_SETTINGS))
    return "\n\n".join(f"## {title}\n\n{_settings_table(settings)}" for title, settings in parts)


def _settings_table(settings: Sequence[Setting]) -> str:
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for setting in settings:
        default = "required" if setting.required else f"`{setting.default}`" if setting.default else ""
        rows.append(f"| `{setting.name}` | {default} | {setting.meaning} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    """Returns text for a cell of a Markdown table, without pipes: renderers disagree on how to escape them in code."""
    return " ".join(text.split()).replace("|", ", ")
