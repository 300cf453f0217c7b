"""Tests that the JSON Schema for editors agrees with the models that check."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from data_foundation.config.grammar import SourcesFile
from data_foundation.project.repository.create import create_repository
from data_foundation.project.repository.editor_schemas import SCHEMA_FILE, build_json_schema, refresh_schema
from data_foundation.project.scaffold.create import create_source
from data_foundation.readers.registry import FILES, REST, SQL

ROOT = Path(__file__).parents[2]
SCHEMA = build_json_schema(ROOT)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

ROW: dict[str, Any] = {"entry": "data.get_rows", "destination": "raw.orders"}
GOOD: dict[str, Any] = {
    "list": {"resources": [ROW]},
    "map": {"resources": {"raw.orders": {"entry": "data.get_rows"}}},
    "map with a destination": {"resources": {"raw.orders": ROW}},
    "short spellings": {
        "source": {"owners": "team:sales", "automation": "@daily", "kinds": "api", "schema_contract": "freeze"},
        "resources": [{**ROW, "primary_key": "id", "write_disposition": "merge", "automation": "eager"}],
    },
    "long spellings": {
        "resources": [
            {
                **ROW,
                "arguments": ["org/repo"],
                "keyword_arguments": {"since": "2024-01-01"},
                "primary_key": ["id"],
                "write_disposition": {"disposition": "merge", "strategy": "scd2"},
                "merge_key": ["id"],
                "automation": {"cron": "0 6 * * *", "timezone": "Europe/Amsterdam"},
                "incremental": {"cursor_path": "a.b", "initial_value": 0, "lag": 10},
                "columns": {"id": {"data_type": "bigint", "nullable": False}},
                "schema_contract": {"columns": "evolve", "data_type": "freeze"},
                "partitions": {"by": "daily", "start": "2024-01-01"},
                "freshness": {"fail_after_hours": 30, "warn_after_hours": 25.5},
                "meta": {"anything": [1], "dagster": {"automation_condition": "on_schedule"}},
            }
        ]
    },
}
GOOD["spellings of other projects"] = {
    "sources": {
        "shop": {
            "resources": ["raw.orders"],
            "root_key": True,
            "parallelized": True,
            "section": "shop",
            "meta": {"dagster": {"automation_condition": "missing_or_changed"}},
        }
    },
    "resources": {
        "raw.orders": {
            "entry": "data.get_rows",
            "kinds": {"api": None},
            "selected": True,
            "incremental": True,
            "columns": [{"name": "id", "data_type": "bigint"}],
            "nested_hints": {"items.parts": {"columns": {"n": {"data_type": "text"}}}},
            "references": [{"referenced_table": "customers", "columns": "customer", "referenced_columns": ["id"]}],
            "table_format": "delta",
            "file_format": "preferred",
            "meta": {"dagster": {"automation_condition": "lazy"}},
        }
    },
}
BAD: dict[str, Any] = {
    "no resources": {"source": {}},
    "unknown key": {"resources": [ROW], "defaults": {}},
    "unknown key of a source": {"resources": [ROW], "source": {"owner": "team:a"}},
    "unknown key of a resource": {"resources": [{**ROW, "colums": {}}]},
    "no entry": {"resources": [{"destination": "raw.orders"}]},
    "no destination": {"resources": [{"entry": "data.get_rows"}]},
    "unknown word": {"resources": [{**ROW, "on_empty": "kep"}]},
    "unknown disposition": {"resources": [{**ROW, "write_disposition": "upsrt"}]},
    "unknown period": {"resources": [{**ROW, "partitions": {"by": "yearly", "start": "2024-01-01"}}]},
    "wrong type": {"resources": [{**ROW, "args": "org/repo"}]},
    "too small": {"resources": [{**ROW, "freshness": {"fail_after_hours": 0}}]},
    "a word": "resources",
    "a set with values": {"resources": [{**ROW, "kinds": {"api": 1}}]},
    "incremental: false": {"resources": [{**ROW, "incremental": False}]},
    "a format that is not accepted": {"resources": [{**ROW, "file_format": "csv"}]},
    "a column without a name": {"resources": [{**ROW, "columns": [{"data_type": "text"}]}]},
    "a block without resources": {"resources": [ROW], "sources": {"shop": {"root_key": True}}},
}


def test_the_file_beside_the_sources_is_current() -> None:
    """`foundation docs` would not change the file."""
    assert json.loads((ROOT / SCHEMA_FILE).read_text(encoding="utf-8")) == SCHEMA


def test_the_schema_is_valid() -> None:
    """The file is a valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", sorted(ROOT.glob("dlthub/*/sources.yaml")), ids=lambda file: file.parent.name)
def test_the_shipped_sources_are_valid(file: Path) -> None:
    """An editor shows no error in them, and their first line names the schema."""
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../sources.schema.json\n")
    # JSON has no dates: editors validate them as text.
    VALIDATOR.validate(json.loads(json.dumps(yaml.safe_load(text), default=str)))


@pytest.mark.parametrize("document", GOOD.values(), ids=GOOD)
def test_the_schema_accepts_all_that_the_models_accept(document: Any) -> None:
    """An editor marks no error in a file that would load."""
    SourcesFile.model_validate(document)
    VALIDATOR.validate(document)


@pytest.mark.parametrize("document", BAD.values(), ids=BAD)
def test_the_schema_refuses_all_that_the_models_refuse(document: Any) -> None:
    """An editor marks unknown keys and words, missing keys and wrong types."""
    with pytest.raises(ValidationError):
        SourcesFile.model_validate(document)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)


def test_every_key_is_explained() -> None:
    """Each key of a resource and of a source has a description that an editor shows."""
    for model in ("ResourceConfig", "SourceDefaults", "MappedResource"):
        unexplained = {
            key for key, value in SCHEMA["$defs"][model]["properties"].items() if not value.get("description")
        }
        assert unexplained <= {"destination"} if model == "MappedResource" else not unexplained


READERS: dict[str, tuple[str, dict[str, Any]]] = {
    "rest": (
        REST,
        {"connection": "api", "endpoint": "/orders", "pagination": {"type": "page"}, "page_size": "{{ env.N }}"},
    ),
    "files": (FILES, {"path": "*.csv", "delimiter": ";", "header": ["a", "b"], "on_bad_row": "quarantine"}),
    "sql": (SQL, {"connection": "database", "table": "orders", "chunk_size": 10}),
}


@pytest.mark.parametrize("kind", READERS)
def test_an_editor_completes_the_arguments_of_a_reader(kind: str) -> None:
    """With a reader as entry each key of `kwargs` is offered with its meaning, and an unknown key is marked."""
    entry, kwargs = READERS[kind]
    row = {**ROW, "entry": entry}
    [then] = [
        one["then"]["properties"]["kwargs"]
        for one in SCHEMA["$defs"]["ResourceConfig"]["allOf"]
        if one["if"]["properties"]["entry"]["const"] == entry
    ]
    assert kwargs.keys() <= then["properties"].keys()
    assert all(one["description"] for one in then["properties"].values())
    for resources in ([{**row, "kwargs": kwargs}], {"raw.orders": {"entry": entry, "keyword_arguments": kwargs}}):
        VALIDATOR.validate({"resources": resources})
    with pytest.raises(jsonschema.ValidationError, match="conection"):
        VALIDATOR.validate({"resources": [{**row, "kwargs": {**kwargs, "conection": "x"}}]})
    VALIDATOR.validate({"resources": [{**ROW, "kwargs": {"conection": "of my own function"}}]})


def test_the_words_of_a_reader_are_offered() -> None:
    """Kinds of pagination, formats of files and what happens to bad rows are offered as words."""
    keys: dict[str, Any] = {}
    for one in SCHEMA["$defs"]["ResourceConfig"]["allOf"]:
        keys |= one["then"]["properties"]["kwargs"]["properties"]
    words = {name: key["anyOf"][0]["enum"] for name, key in keys.items() if "anyOf" in key}
    assert {"page", "cursor", "link_header"} <= set(words["pagination"])
    assert words["on_bad_row"] == ["fail", "quarantine"]
    assert "parquet" in words["format"]


SHOP = """source: {tags: {domain: sales, "team/tier": "1"}}
resources:
  - {source: data.my_shop, tables: "*", destination: "raw.{table}", tags: {domain: returns, job_id: "7"}}
"""
SHOP_CODE = """import dlt

@dlt.source
def my_shop():
    return []

def get_rows():
    yield {}
"""


def _offers(root: Path, model: str, key: str) -> dict[str, Any]:
    properties: dict[str, Any] = build_json_schema(root)["$defs"][model]["properties"]
    return dict(properties[key])


def _write_shop(root: Path) -> None:
    (root / "dlthub" / "shop").mkdir(parents=True)
    (root / "dlthub" / "shop" / "sources.yaml").write_text(SHOP, encoding="utf-8")
    (root / "dlthub" / "shop" / "data.py").write_text(SHOP_CODE, encoding="utf-8")
    (root / "dlthub" / "tags.yaml").write_text(
        "payments: {requires: {day: date, amount: decimal}}\norders: {requires: {day: date}}\n", encoding="utf-8"
    )


@pytest.mark.parametrize("model", ["SourceDefaults", "NamedSource", "ResourceConfig", "MappedResource", "MappedSource"])
def test_an_editor_completes_the_tags_of_the_tree(tmp_path: Path, model: str) -> None:
    """Wherever `tags` may be written, keys and values that the repository uses are offered; others are accepted."""
    _write_shop(tmp_path)
    offered = _offers(tmp_path, model, "tags")["properties"]
    assert {key: one["anyOf"][0].get("enum") for key, one in offered.items()} == {
        "domain": ["returns", "sales"],
        "job_id": None,
        "team/tier": ["1"],
    }
    validator = jsonschema.Draft202012Validator(build_json_schema(tmp_path))
    validator.validate({"source": {"tags": {"domain": "other", "new": "one"}}, "resources": [ROW]})
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"source": {"tags": {"domain": 1}}, "resources": [ROW]})


def test_an_editor_completes_dlt_sources_and_uses(tmp_path: Path) -> None:
    """The functions with dlt's decorator `source`, the tags of tags.yaml and their columns are offered."""
    _write_shop(tmp_path)
    assert _offers(tmp_path, "SourceResources", "source")["anyOf"][0] == {"enum": ["shop.data.my_shop"]}
    assert _offers(tmp_path, "ResourceConfig", "tag")["anyOf"][0] == {"enum": ["orders", "payments"]}
    assert [*_offers(tmp_path, "ResourceConfig", "columns_from")["properties"]] == ["amount", "day"]
    jsonschema.Draft202012Validator(build_json_schema(tmp_path)).validate(
        {"resources": [{"source": "data.other", "tables": "*", "destination": "raw.x", "tag": "new"}]}
    )


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("dlthub/shop/sources.yaml", "resources: ["),
        ("dlthub/shop/sources.yaml", "- 1\n"),
        ("dlthub/shop/sources.yaml", "source: 3\nsources: [a]\nresources: {raw.a: 1, raw.b: {tags: [a]}}"),
        ("dlthub/shop/sources.yaml", ""),
        ("dlthub/shop/data.py", "def ("),
        ("dlthub/tags.yaml", "a: 1"),
    ],
    ids=["no YAML", "a list", "wrong kinds", "empty", "no Python", "wrong tags"],
)
def test_a_broken_file_hides_no_words_of_others(tmp_path: Path, file: str, text: str) -> None:
    """A file that cannot be read offers nothing, and the schema is still written with the words of the others."""
    _write_shop(tmp_path)
    (tmp_path / "dlthub" / "crm").mkdir()
    (tmp_path / "dlthub/crm/sources.yaml").write_text("source: {tags: {domain: crm}}\n", encoding="utf-8")
    (tmp_path / file).write_text(text, encoding="utf-8")
    schema = build_json_schema(tmp_path)
    jsonschema.Draft202012Validator.check_schema(schema)
    words = schema["$defs"]["ResourceConfig"]["properties"]["tags"]["properties"]["domain"]["anyOf"][0]["enum"]
    assert "crm" in words


def test_a_new_source_brings_its_words(tmp_path: Path) -> None:
    """`foundation new` writes the schema anew if the sources have new words, and no schema where there was none."""
    create_repository(tmp_path)
    _write_shop(tmp_path)
    created = create_source(tmp_path, "crm")
    assert tmp_path / SCHEMA_FILE in created.files
    assert "shop.data.my_shop" in (tmp_path / SCHEMA_FILE).read_text(encoding="utf-8")
    assert refresh_schema(tmp_path) == []
    (tmp_path / SCHEMA_FILE).unlink()
    assert tmp_path / SCHEMA_FILE not in create_source(tmp_path, "erp").files
