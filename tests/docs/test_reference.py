"""Tests that the generated reference is up to date and complete."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.cli.reference_docs import BEGIN, END, PAGES, build_pages
from data_foundation.project.repository.editor_schemas import SCHEMA_FILE, build_json_schema
from data_foundation.warehouses.settings import ENGINES, FOLDER_SETTINGS, GENERAL_SETTINGS, RUN_SETTINGS
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]


def test_the_schema_that_editors_read_is_current() -> None:
    """`foundation docs` would not change dlthub/sources.schema.json."""
    assert json.loads((ROOT / SCHEMA_FILE).read_text(encoding="utf-8")) == build_json_schema(ROOT)


@pytest.mark.parametrize("page", ["cli.md", "configuration.md", "python.md", "settings.md"])
def test_a_generated_page_is_current(page: str) -> None:
    """`foundation docs` would not change docs/reference/."""
    text = (ROOT / PAGES / page).read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0].strip() == build_pages(typer.main.get_command(app))[page]


def test_the_schema_is_written_without_pages(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a repository that uses data-foundation as a package, `foundation docs` writes the schema only."""
    location.add("shop")
    monkeypatch.chdir(location.root)
    done = CliRunner().invoke(app, ["docs"])
    assert done.exit_code == 0, done.output
    assert json.loads((location.root / SCHEMA_FILE).read_text(encoding="utf-8")) == build_json_schema(location.root)
    assert "no pages were written" in done.output
    assert not (location.root / "docs").exists()


def _settings_read() -> Iterator[str]:
    """Yields the name of every setting of a warehouse that the framework's code contains."""
    setting = re.compile(
        r"DESTINATION__[A-Z_]+[A-Z]|WAREHOUSE|EXECUTOR|DEPLOYMENT(_USER)?|(WORK|LOG|SECRETS)_FOLDER|DBT_(TARGET|LOG)_PATH|(DUCKDB|DUCKLAKE|SNOWFLAKE|POSTGRES|LAKE|AZURE|AWS|GOOGLE|PII)_[A-Z_]+[A-Z]"
    )
    for file in ROOT.glob("data_foundation/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and setting.fullmatch(node.value):
                yield node.value


def test_every_setting_that_is_read_is_described() -> None:
    """Each setting of a warehouse in the code is described in docs/reference/settings.md, and the reverse."""
    described = [
        *GENERAL_SETTINGS,
        *RUN_SETTINGS,
        *FOLDER_SETTINGS,
        *chain.from_iterable(e.known_settings for e in ENGINES.values()),
    ]
    assert set(_settings_read()) == {setting.name for setting in described}


@pytest.mark.parametrize("file", sorted(ROOT.glob("dlthub/*/sources.yaml")), ids=lambda file: file.parent.name)
def test_an_editor_accepts_the_sources_that_ship(file: Path) -> None:
    """The JSON Schema accepts every source that ships."""
    document = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))
    jsonschema.validate(document, build_json_schema(ROOT))


@pytest.mark.parametrize(
    "resource",
    [
        {"entry": "data.f", "destination": "raw.t", "write_dispositon": "append"},
        {"entry": "data.f", "destination": "raw.t", "write_disposition": "upsrt"},
        {"entry": "data.f"},
        {"destination": "raw.t"},
        {"entry": "data.f", "destination": "raw.t", "partitions": {"by": "yearly", "start": "2024-01-01"}},
    ],
    ids=["misspelt key", "unknown word", "no destination", "no entry", "unknown partitioning"],
)
def test_an_editor_marks_errors_that_the_factory_refuses(resource: dict[str, object]) -> None:
    """The JSON Schema refuses misspelt keys, unknown words and missing keys."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"resources": [resource]}, build_json_schema(ROOT))
