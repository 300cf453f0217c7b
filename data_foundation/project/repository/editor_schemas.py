"""Generates the JSON Schemas by which editors complete and check `sources.yaml` and `alerts.yaml`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data_foundation.config.alerts.file import ALERTS_FILE
from data_foundation.config.alerts.keys import AlertsFile
from data_foundation.config.grammar import ResourceConfig, SourcesFile
from data_foundation.project.repository.reader_kwargs import describe_readers
from data_foundation.project.repository.tree_words import TreeWords

SCHEMA_FILE = "dlthub/sources.schema.json"
ALERTS_SCHEMA_FILE = "dlthub/alerts.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def build_json_schema(root: Path) -> dict[str, Any]:
    """Returns the JSON Schema of `sources.yaml`, with the words of the sources in `root/dlthub` as offers."""
    schema = {**SourcesFile.model_json_schema(by_alias=False), "title": "sources.yaml"}
    # The second names of keys are aliases, which pydantic leaves out of the schema.
    for model in ("ResourceConfig", "MappedResource", "SourceResources", "MappedSource"):
        properties = schema["$defs"][model]["properties"]
        properties |= {
            field.alias: properties[name] for name, field in ResourceConfig.model_fields.items() if field.alias
        }
    for model in ("ResourceConfig", "MappedResource"):
        schema["$defs"][model]["allOf"] = describe_readers()
    TreeWords.read(root).add_to(schema["$defs"])
    return {"$schema": DIALECT, **schema}


def build_alerts_schema() -> dict[str, Any]:
    """Returns the JSON Schema of `alerts.yaml`."""
    return {"$schema": DIALECT, **AlertsFile.model_json_schema(), "title": ALERTS_FILE}


def build_schema_files(root: Path) -> dict[str, str]:
    """Returns the text of each schema file, by path relative to the repository."""
    schemas = {SCHEMA_FILE: build_json_schema(root), ALERTS_SCHEMA_FILE: build_alerts_schema()}
    return {path: json.dumps(schema, indent=2) + "\n" for path, schema in schemas.items()}


def write_schemas(root: Path) -> list[Path]:
    """Writes the schema files, whatever was there before; returns their paths."""
    files = {root / path: text for path, text in build_schema_files(root).items()}
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return list(files)


def refresh_schema(root: Path) -> list[Path]:
    """Writes the schema of `sources.yaml` anew if it is there and the words of the sources have changed.

    Returns:
        The file, if it was written.
    """
    file = root / SCHEMA_FILE
    text = build_schema_files(root)[SCHEMA_FILE]
    if not file.is_file() or file.read_text(encoding="utf-8") == text:
        return []
    file.write_text(text, encoding="utf-8")
    return [file]
