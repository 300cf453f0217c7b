"""The grammar told to editors and to readers: a JSON Schema, and the tables of the README, both from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from data_foundation.check_fields import AcceptedValues, Checks, RowCount
from data_foundation.fields import ColumnHints, Freshness, Incremental, LakePlace, Partitions
from data_foundation.grammar import ResourceConfig, SourceDefaults, SourcesFile

SCHEMA_FILE = "dlthub/sources.schema.json"
BEGIN, END = "<!-- reference: written by `foundation docs` -->", "<!-- end of reference -->"


def build_json_schema() -> dict[str, Any]:
    """Returns the JSON Schema of `sources.yaml`."""
    schema = {**SourcesFile.model_json_schema(by_alias=False), "title": "sources.yaml"}
    # The long spellings of `args` and `kwargs`, which pydantic knows as aliases only.
    for model in ("ResourceConfig", "MappedResource"):
        properties = schema["$defs"][model]["properties"]
        properties |= {"arguments": properties["args"], "keyword_arguments": properties["kwargs"]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def build_reference() -> str:
    """Returns the README's tables: each key, what it accepts, its default and its meaning."""
    shared = set(SourceDefaults.model_fields)
    own = [name for name in ResourceConfig.model_fields if name not in shared]
    inherited = [name for name in ResourceConfig.model_fields if name in shared]
    parts = [
        ("A resource", _table(ResourceConfig, own)),
        ("A resource, or `source:` for all of a folder", _table(ResourceConfig, inherited)),
        ("`source:` only", _table(SourceDefaults, ["max_concurrency"])),
        ("`incremental`", _table(Incremental, list(Incremental.model_fields))),
        ("`partitions`", _table(Partitions, list(Partitions.model_fields))),
        ("`lake`", _table(LakePlace, list(LakePlace.model_fields))),
        ("`freshness`", _table(Freshness, list(Freshness.model_fields))),
        ("`checks`", _table(Checks, list(Checks.model_fields))),
        ("`checks.row_count`", _table(RowCount, list(RowCount.model_fields))),
        ("`checks.accepted_values.<column>`", _table(AcceptedValues, list(AcceptedValues.model_fields))),
        ("`columns.<name>`", _table(ColumnHints, list(ColumnHints.model_fields))),
    ]
    return "\n\n".join(f"**{title}**\n\n{table}" for title, table in parts)


def write_reference(root: Path) -> list[Path]:
    """Writes the schema beside the sources and the tables into the README; returns both paths."""
    schema, readme = root / SCHEMA_FILE, root / "README.md"
    schema.write_text(json.dumps(build_json_schema(), indent=2) + "\n", encoding="utf-8")
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n\n{build_reference()}\n\n{END}{after}", encoding="utf-8")
    return [schema, readme]


def _table(model: type[BaseModel], names: list[str]) -> str:
    properties = model.model_json_schema(by_alias=False)["properties"]
    rows = ["| key | accepts | default | |", "|---|---|---|---|"]
    for name in names:
        field = model.model_fields[name]
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        spelling = f"`{name}` (`{field.alias}`)" if field.alias else f"`{name}`"
        rows.append(f"| {spelling} | {_accepts(properties[name])} | {default} | {field.description or ''} |")
    return "\n".join(rows)


def _default(value: object) -> str:
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, BaseModel):
        value = next(iter(value.model_dump(exclude_none=True).values()), "")
        return f"`{value}`" if isinstance(value, str) and value else ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _accepts(schema: dict[str, Any]) -> str:
    """Returns in words what a property's JSON Schema accepts."""
    if "enum" in schema:
        return ", ".join(f"`{word if isinstance(word, str) else json.dumps(word)}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        parts = [_accepts(part) for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if "$ref" in schema:
        return "mapping"
    kinds = {"array": "list", "object": "mapping", "boolean": "true, false", "string": "text", "integer": "number"}
    kind: str = schema.get("format") or schema.get("type", "anything")
    return kinds.get(kind, kind)
