"""Tests that resources declared in Python have the same configuration as in YAML."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest

from data_foundation import ConfigurableDltResource
from data_foundation.config.fields import Incremental
from data_foundation.config.grammar import ResourceConfig
from data_foundation.errors import EntryError
from data_foundation.project.python_resources import load_python_resources

IMPORTS = "import dlt\nfrom data_foundation import ConfigurableDltResource\n"


def rows() -> Iterator[dict[str, Any]]:
    """Rows."""
    yield {"id": 1}


def declare(folder: Path, *declarations: str) -> list[ResourceConfig]:
    """Writes a definitions.py with these declarations and returns the resources of the folder."""
    text = f"{IMPORTS}def rows():\n    'Rows.'\n    yield 1\nresources = [{', '.join(declarations)}]\n"
    (folder / "definitions.py").write_text(text, encoding="utf-8")
    return load_python_resources(folder)


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("dlt.resource(rows, name='a.b')", {"destination": "a.b", "description": "Rows."}),
        ("dlt.resource([1], name='x', table_name='b')", {"destination": "raw.b", "description": None}),
        ("dlt.resource([1], name='b')", {"destination": "raw.b"}),
        ("dlt.resource([1], name='a.b', primary_key=('x', 'y'))", {"primary_key": ("x", "y")}),
        ("dlt.resource([1], name='a.b', columns={'x': {'merge_key': True}})", {"merge_key": ("x",)}),
    ],
)
def test_settings_of_the_dlt_resource_are_used(tmp_path: Path, declaration: str, expected: dict[str, Any]) -> None:
    """Name, table name, keys and docstring of a dlt resource are used; a dlt resource alone is a declaration too."""
    [found] = declare(tmp_path, declaration)
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.entry == "definitions.resources[0]"


def test_columns_and_disposition_are_used(tmp_path: Path) -> None:
    """Types and descriptions of columns are used, and a write disposition with its strategy."""
    disposition = "{'disposition': 'merge', 'strategy': 'upsert'}"
    columns = "{'x': {'data_type': 'text', 'description': 'X.'}}"
    [found] = declare(
        tmp_path, f"dlt.resource([1], name='a.b', primary_key='x', write_disposition={disposition}, columns={columns})"
    )
    assert found.write_disposition.model_dump() == {"disposition": "merge", "strategy": "upsert"}
    assert (found.columns["x"].data_type, found.columns["x"].description) == ("text", "X.")


def test_the_cursor_of_a_dlt_resource_is_used(tmp_path: Path) -> None:
    """The cursor becomes `incremental`, so that `start` and `end` of a run apply; other cursors are left to dlt."""
    ours = "dlt.resource(rows, name='a.b', incremental=dlt.sources.incremental('id', initial_value=7, lag=2))"
    theirs = "dlt.resource(rows, name='a.c', incremental=dlt.sources.incremental('id', last_value_func=min))"
    found, other = declare(tmp_path, ours, theirs)
    assert found.incremental == Incremental(cursor_path="id", initial_value=7, lag=2)
    assert other.incremental is None


def test_options_win_over_the_dlt_resource(tmp_path: Path) -> None:
    """Options of `config` override those of the dlt resource."""
    [found] = declare(
        tmp_path,
        "ConfigurableDltResource.config("
        "dlt.resource(rows, name='a.b'), destination='raw.c', description='D.', kinds={'x'})",
    )
    assert (found.destination, found.description, found.kinds) == ("raw.c", "D.", ("x",))


def test_a_switched_off_resource_keeps_the_places_of_the_others(tmp_path: Path) -> None:
    """Entries are numbered by declaration, including disabled ones."""
    [found] = declare(
        tmp_path,
        "ConfigurableDltResource.config(dlt.resource(rows, name='a.b'), enabled=False)",
        "dlt.resource(rows, name='a.c')",
    )
    assert (found.destination, found.entry) == ("a.c", "definitions.resources[1]")


def test_only_dlt_resources_are_accepted() -> None:
    """A generator function must be made a dlt resource first."""
    with pytest.raises(EntryError, match="takes a dlt resource, got a function"):
        ConfigurableDltResource.config(rows)  # type: ignore[arg-type]
    assert ConfigurableDltResource.config(dlt.resource(rows, name="a.b"), kinds={"x"}).options == {"kinds": {"x"}}


def test_public_names_are_imported_on_first_use() -> None:
    """A public name is imported on first use; tests/test_architecture.py lists the names."""
    program = "import sys, data_foundation; print(sorted({'dlt', 'dagster', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
