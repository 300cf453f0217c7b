"""Tests of the hints that an asset shows because the text of its code has them."""

from typing import Any

import pytest

from data_foundation.project.find_sources import find_sources
from tests.support.locations import Location
from tests.support.trees import Tree

YAML = "resources: [{entry: data.rows, destination: raw.t}]"
DEFAULT = {"write_disposition": "append", "primary_key": (), "cursor": None}

TEXTS = {
    "decorator": (
        "@dlt.resource(write_disposition='replace')\ndef rows():\n    yield {}",
        {"write_disposition": "replace"},
    ),
    "key": (
        "@dlt.resource(write_disposition='merge', primary_key=('a', 'b'))\ndef rows():\n    yield {}",
        {"write_disposition": "merge", "primary_key": ("a", "b")},
    ),
    "strategy": (
        """@dlt.resource(write_disposition={
    'disposition': 'merge', 'strategy': 'scd2', 'validity_column_names': ['f', 't'],
})
def rows():
    yield {}""",
        {"write_disposition": "merge scd2"},
    ),
    "cursor of the decorator": (
        "@dlt.resource(incremental=dlt.sources.incremental('n', initial_value=1))\ndef rows():\n    yield {}",
        {"cursor": "n"},
    ),
    "cursor of an argument": (
        "@dlt.resource\ndef rows(since=dlt.sources.incremental[int](cursor_path='n')):\n    yield {}",
        {"cursor": "n"},
    ),
    "cursor of a plain function": ("def rows(since=dlt.sources.incremental('n')):\n    yield {}", {"cursor": "n"}),
    "a name is not claimed": ("D = 'merge'\n@dlt.resource(write_disposition=D)\ndef rows():\n    yield {}", {}),
    "hints applied later are not claimed": (
        """@dlt.resource(write_disposition='replace')
def rows():
    yield {}
rows.apply_hints(write_disposition='append')""",
        {},
    ),
    "what is not accepted is not claimed": ("@dlt.resource(write_disposition='merge')\ndef rows():\n    yield {}", {}),
    "columns as a list are not claimed": ("@dlt.resource(columns=[{'name': 'a'}])\ndef rows():\n    yield {}", {}),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS.keys())
def test_a_resource_shows_what_the_text_of_its_code_declares(tree: Tree, text: str, expected: dict[str, Any]) -> None:
    """Literal arguments of a decorator are known without running code; anything else is left to the run."""
    tree.add("s", YAML, f"raise SystemExit('code runs')\nimport dlt\n{text}\n")
    (source,), broken = find_sources(tree.root)
    assert not broken
    (resource,) = source.config.resources
    cursor = resource.incremental.cursor_path if resource.incremental else None
    shown = {"write_disposition": resource.meeting, "primary_key": resource.primary_key, "cursor": cursor}
    assert shown == DEFAULT | expected
    configured = resource.configured
    assert (configured.meeting, configured.primary_key, configured.incremental) == ("append", (), None)


def test_the_asset_has_the_disposition_and_the_checks_of_the_decorator(location: Location) -> None:
    """The asset's metadata and its check of the key are there before the first run."""
    decorator = "@dlt.resource(write_disposition='merge', primary_key='id')"
    location.add("s", YAML, f"import dlt\n\n{decorator}\ndef rows():\n    yield {{'id': 1}}\n")
    definitions = location.definitions()
    assert location.specs()["raw/t"].metadata["write_disposition"] == "merge"
    checks = definitions.resolve_asset_graph().asset_check_keys
    assert {check.name for check in checks} >= {"primary_key"}
    assert location.materialize("raw/t").success
