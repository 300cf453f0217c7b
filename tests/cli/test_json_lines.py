"""Tests that what commands print with `--json` is what their JSON Schemas in docs/reference/json/ describe."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from data_foundation.cli.json_lines import build_line_schemas
from data_foundation.cli.main import app
from data_foundation.cli.reference_docs import build_line_files
from tests.support.trees import Tree

ROOT = Path(__file__).parents[2]
SHOP = (
    "resources: [{entry: data.get_rows, destination: raw.orders, write_disposition: append, child_tables: [lines], "
    "columns: {id: {data_type: bigint, description: Number.}}, tags: {job_id: '7'}}]"
)
ROWS: list[dict[str, Any]] = [
    {"id": 1, "at": "2026-01-01T00:00:00Z", "amount": 2.5, "lines": [{"sku": "a"}]},
    {"id": 2, "at": None, "amount": None, "lines": []},
]
LOADED: dict[str, tuple[str, ...]] = {
    "list": (),
    "preview": ("shop",),
    "preview --diff": ("shop",),
    "test": ("shop",),
    "run": ("shop",),
    "audit": (),
    "audit --jobs": (),
    "sql": ("select *, date '2026-01-02' as day, 1.5::decimal(9, 2) as price, 'x'::blob as b from raw.orders",),
    "show": ("raw.orders",),
    "schema": ("raw.orders",),
    "check-data": ("shop",),
    "plan": (),
}
"""Arguments of each command in a repository with a loaded table."""

BROKEN: dict[str, tuple[str, ...]] = {
    "check": (),
    "test": ("shop",),
    "run": ("shop",),
    "audit": (),
    "preview": ("shop",),
}


@pytest.fixture
def lines(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """A function that runs a command in the repository, and returns the objects that it prints."""
    for name in ("WAREHOUSE", "DEPLOYMENT", "DUCKDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tree.root))
    tree.add("shop", SHOP)
    tree.give("shop", ROWS)
    tree.load("shop.orders", run_id="test")
    monkeypatch.chdir(tree.root)

    def run(command: str, *arguments: str) -> list[Any]:
        done = CliRunner().invoke(app, [*command.split(), *arguments, "--json"])
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_every_command_prints_what_its_schema_says(lines: Callable[..., list[Any]]) -> None:
    """Each command prints at least one object, which has every key that the schema names, and no other."""
    schemas = build_line_schemas()
    for command, arguments in LOADED.items():
        found = lines(command, *arguments)
        assert found, command
        for one in found:
            jsonschema.validate(one, schemas[command], jsonschema.Draft202012Validator)


def test_failures_are_objects_too(lines: Callable[..., list[Any]], tree: Tree) -> None:
    """A source that fails, and one that is broken, give objects of the same form, with the reason."""
    tree.add("shop", SHOP.replace("append, ", "append, requires: [missing], "))
    schemas = build_line_schemas()
    [run] = lines("run", "shop")
    assert (run["status"], "missing" in run["error"]) == ("failed", True)
    for command, arguments in BROKEN.items():
        for one in lines(command, *arguments):
            jsonschema.validate(one, schemas[command], jsonschema.Draft202012Validator)
    tree.add("shop", SHOP.replace("append", "upsrt"))
    [problem] = lines("check")
    jsonschema.validate(problem, schemas["check"], jsonschema.Draft202012Validator)
    assert "upsrt" in problem["message"]


def test_every_command_with_json_has_a_schema() -> None:
    """No command, and no option that changes what it prints, is without a schema."""
    with_json = {name.removeprefix("foundation ") for name in _commands(typer.main.get_command(app), "") if name}
    assert {name.split(" --")[0] for name in build_line_schemas()} == with_json
    assert LOADED.keys() | BROKEN.keys() == build_line_schemas().keys()


def _commands(command: Any, name: str) -> Iterator[str]:
    for child, one in getattr(command, "commands", {}).items():
        yield from _commands(one, f"{name} {child}".strip())
    if any("--json" in parameter.opts for parameter in command.params):
        yield name


def test_the_documented_schemas_are_up_to_date() -> None:
    """The files in docs/reference/json/ are those that `foundation docs` writes, each a valid schema with meanings."""
    files = build_line_files()
    assert {
        path.relative_to(ROOT / "docs" / "reference").as_posix() for path in (ROOT / "docs/reference/json").iterdir()
    } == {*files}
    for path, text in files.items():
        assert (ROOT / "docs" / "reference" / path).read_text(encoding="utf-8") == text
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
        for one in json.loads(text).get("properties", {}).values():
            assert one["description"]
