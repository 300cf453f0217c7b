"""Tests that what commands print with `--json` is what their JSON Schemas in docs/reference/json/ describe."""

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from data_foundation.cli.json_lines import build_line_schemas
from data_foundation.cli.main import app
from data_foundation.cli.reference_docs import build_line_files
from data_foundation.project.repository.create import create_repository
from data_foundation.project.repository.record import RECORD_FILE
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

WRITING_CASES: dict[str, list[tuple[tuple[str, ...], set[tuple[str, str, bool]]]]] = {
    "init": [(("other",), {("other/definitions.py", "wrote", True)})],
    "upgrade": [
        ((), {("Makefile", "changed", False), ("pyproject.toml", "kept", False)}),
        (("--apply",), {("Makefile", "changed", True), ("pyproject.toml", "kept", False)}),
        (("--apply",), {("pyproject.toml", "kept", False)}),
    ],
    "new": [(("crm",), {("dlthub/crm/sources.yaml", "wrote", True), ("dlthub/crm/data.py", "wrote", True)})],
    "discover": [(("many",), {("many", "discovered", True)}), (("many",), {("many", "discovered", False)})],
    "adopt": [
        (("theirs", "--dry-run"), {("raw.theirs", "adopted", False)}),
        (("theirs",), {("raw.theirs", "adopted", True)}),
    ],
    "dbt-staging": [
        (("shop",), {("dbt_project/models/staging/shop/stg_shop__orders.sql", "wrote", True)}),
        (("shop",), {("dbt_project/models/staging/shop/stg_shop__orders.sql", "kept", False)}),
    ],
    "dbt-sources": [((), {("dbt_project/models/sources.yml", "wrote", True)})],
    "docs": [((), {("dlthub/sources.schema.json", "wrote", True)})],
    "workbook new": [(("book",), {("dlthub/book/ingestion_config.xlsx", "wrote", True)})],
    "workbook export": [
        (("book",), {("sources.yaml", "printed", False)}),
        (("book", "-o", "out.yaml"), {("out.yaml", "wrote", True)}),
    ],
}
"""Arguments of each command that writes, in a new repository, and lines that it prints: name, action, written."""

ELSEWHERE = {
    "copy": "loading/test_copying.py",
    "alerts test": "cli/test_alerts.py",
    "alerts digest": "cli/test_alerts.py",
    "lake optimize": "warehouses/test_lake_upkeep.py",
    "ui": "ui/own_pages.py",
    "dbt": "dbt/test_by_hand.py",
    "dbt-manifest": "dbt/test_by_hand.py",
}
"""Commands that need a server or dbt, and the file with their test."""

MANY = """import dlt

print("code of a source that prints")

@dlt.source
def many():
    return dlt.resource([{"id": 1}], name="a"), dlt.resource([{"id": 1}], name="b")
"""


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


def test_every_command_that_writes_says_what_it_wrote(
    lines: Callable[..., list[Any]], tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One shape: what was done with each file or table, and False where nothing was changed; in a run of commands."""
    create_repository(tree.root / "repository")
    shutil.move(tree.root / "dlthub" / "shop", tree.root / "repository" / "dlthub")
    shutil.move(tree.root / "data", tree.root / "repository")
    monkeypatch.chdir(root := tree.root / "repository")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(root))
    (root / "dlthub" / "theirs").mkdir()
    theirs = "resources: [{entry: data.get_rows, destination: raw.theirs, write_disposition: append}]"
    (root / "dlthub/theirs/sources.yaml").write_text(theirs, encoding="utf-8")
    (root / "dlthub/theirs/data.py").write_text("def get_rows():\n    yield {'id': 1}\n", encoding="utf-8")
    (root / "dlthub" / "many").mkdir()
    several = 'resources: [{source: data.many, destination: "raw.{table}"}]'
    (root / "dlthub/many/sources.yaml").write_text(several, encoding="utf-8")
    (root / "dlthub/many/data.py").write_text(MANY, encoding="utf-8")
    with duckdb.connect(str(root / "data" / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE raw.theirs AS SELECT 1::BIGINT AS id")
    record = json.loads((root / RECORD_FILE).read_text(encoding="utf-8"))
    (root / "Makefile").write_text("old:\n", encoding="utf-8")
    record["files"]["Makefile"] = ["old:\n"]
    record["files"].pop("pyproject.toml")
    (root / "pyproject.toml").write_text("mine = 1\n", encoding="utf-8")
    (root / RECORD_FILE).write_text(json.dumps(record), encoding="utf-8")
    schemas = build_line_schemas()
    for command, cases in WRITING_CASES.items():
        for arguments, expected in cases:
            found = lines(command, *arguments)
            for one in found:
                jsonschema.validate(one, schemas[command], jsonschema.Draft202012Validator)
            said = {(one["name"], one["action"], one["written"]) for one in found}
            assert expected <= said, (command, arguments, said)


def test_code_of_a_source_that_prints_does_not_disturb_the_lines(lines: Callable[..., list[Any]], tree: Tree) -> None:
    """What the code of a source prints goes to stderr, in every command that runs it."""
    tree.add("shop", SHOP, 'print("at import")\n\ndef get_rows():\n    print("a row")\n    yield {"id": 1}\n')
    for command in ("preview", "test", "run"):
        assert all(isinstance(one, dict) for one in lines(command, "shop")), command


def test_child_processes_and_descriptors_do_not_disturb_the_lines(lines: Callable[..., list[Any]], tree: Tree) -> None:
    """What a child process, a library in C or `sys.__stdout__` writes past Python's stdout goes to stderr."""
    del lines  # it has written the repository
    code = """
    import os, subprocess, sys

    def get_rows():
        subprocess.run(["echo", "of a child process"], check=True)
        os.write(1, b"of a descriptor\\n")
        print("of the interpreter", file=sys.__stdout__, flush=True)
        yield {"id": 1}
    """
    tree.add("shop", SHOP, textwrap.dedent(code))
    command = [sys.executable, "-m", "data_foundation.cli.main", "preview", "shop", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [json.loads(line)["destination"] for line in done.stdout.splitlines()] == ["raw.orders"]
    for text in ("of a child process", "of a descriptor", "of the interpreter"):
        assert text in done.stderr


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
    """Every command speaks `--json`; it, and each option that changes what it prints, has a schema and a test."""
    commands = dict(_commands(typer.main.get_command(app), ""))
    assert [name for name, options in commands.items() if "--json" not in options] == []
    assert {name.split(" --")[0] for name in build_line_schemas()} == commands.keys()
    assert LOADED.keys() | BROKEN.keys() | WRITING_CASES.keys() | ELSEWHERE.keys() == build_line_schemas().keys()
    for name, test in ELSEWHERE.items():
        assert "--json" in (ROOT / "tests" / test).read_text(encoding="utf-8"), name


def _commands(command: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    """Yields each command with its options."""
    if not hasattr(command, "commands"):
        yield name, [option for parameter in command.params for option in parameter.opts]
    for child, one in getattr(command, "commands", {}).items():
        yield from _commands(one, f"{name} {child}".strip())


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
