"""What is made from the grammar, and the README's own examples."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from data_foundation.reference import BEGIN, END, SCHEMA_FILE, build_json_schema, build_reference
from data_foundation.tree import FoundSource, find_source
from tests.locations import Location

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_schema_that_editors_read_is_current() -> None:
    """`foundation docs` would change nothing in dlthub/sources.schema.json."""
    assert json.loads((ROOT / SCHEMA_FILE).read_text(encoding="utf-8")) == build_json_schema()


def test_the_readme_tells_the_grammar_as_it_is() -> None:
    """`foundation docs` would change nothing in the README."""
    assert README.split(BEGIN)[1].split(END)[0].strip() == build_reference()


@pytest.mark.parametrize("file", sorted(ROOT.glob("dlthub/*/sources.yaml")), ids=lambda file: file.parent.name)
def test_an_editor_accepts_what_ships(file: Path) -> None:
    """The JSON Schema finds nothing wrong with a source that ships."""
    document = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))
    jsonschema.validate(document, build_json_schema())


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
def test_an_editor_marks_what_the_factory_refuses(resource: dict[str, object]) -> None:
    """The JSON Schema refuses misspelt keys, unknown words and missing keys."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"resources": [resource]}, build_json_schema())


def test_the_readmes_three_files_are_a_source(location: Location) -> None:
    """Copying the README's `__init__.py`, `data.py` and `sources.yaml` gives a source without a problem."""
    init, data, _python = _blocks("python")
    location.write("dlthub/shop/__init__.py", init)
    location.write("dlthub/shop/data.py", data)
    location.write("dlthub/shop/sources.yaml", _blocks("yaml")[0])
    found = find_source(location.root, "shop")
    assert isinstance(found, FoundSource), found
    assert [resource.destination for resource in found.config.resources] == ["raw.shop_orders"]


def test_the_readmes_python_is_the_same_source(location: Location) -> None:
    """Copying the README's `definitions.py` beside its `data.py` gives the same table, with schedule and freshness."""
    _init, data, python = _blocks("python")
    location.write("dlthub/shop/data.py", data)
    location.write("dlthub/shop/definitions.py", python)
    found = find_source(location.root, "shop")
    assert isinstance(found, FoundSource), found
    (resource,) = found.config.resources
    assert resource.destination == "raw.shop_orders"
    assert resource.automation
    assert (resource.automation.cron, resource.automation.timezone) == ("@daily", "UTC")
    assert resource.freshness
    assert resource.freshness.fail_after_hours == 30
