"""Every block of configuration, Python, SQL and TOML on a page is checked with the product's own parsers."""

import ast
import importlib
import re
import runpy
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
import sqlglot
import yaml
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.config.grammar import ResourceConfig
from tests.docs.pages import ROOT, Block, all_blocks, page_files, prose
from tests.support.locations import COMPONENTS, Location, modules_of_location

CHECKED = [block for block in all_blocks() if not block.unchecked]
CONFIGURATION = ("sources.yaml", "definitions.py")
DIALECTS = {"docs/how-to/use-snowflake.md": "snowflake", "docs/how-to/use-postgresql.md": "postgres"}
KEYS = set(ResourceConfig.model_fields)
OF_OTHERS = ("SOURCES__", "OTEL_", "OPENLINEAGE_")
ROWS = "def get_rows(**kwargs):\n    yield []\n"
Check = Callable[[], None]


@pytest.fixture
def check(location: Location, monkeypatch: pytest.MonkeyPatch) -> Check:
    """A function that runs `foundation check` on the location's folder."""
    monkeypatch.chdir(location.root)

    def run() -> None:
        done = CliRunner().invoke(app, ["check"])
        assert done.exit_code == 0, done.output

    return run


def _of(*languages: str, titled: bool) -> list[Block]:
    return [block for block in CHECKED if block.language in languages and bool(block.title) == titled]


@pytest.mark.parametrize("page", [file.relative_to(ROOT).as_posix() for file in page_files()])
def test_the_files_of_a_page_are_sources(page: str, location: Location, check: Check) -> None:
    """The files that a page shows, written into an empty repository, are valid sources."""
    shown: set[str] = set()
    blocks = [block for block in CHECKED if block.page == page and block.title.startswith("dlthub/")]
    for block in blocks:
        if block.title in shown or _replaced(block.title) in shown:
            _complete(location.root)
            check()
            (location.root / _replaced(block.title)).unlink(missing_ok=True)
        shown.add(block.title)
        location.write(block.title, block.text)
    if blocks:
        _complete(location.root)
        check()


def _replaced(title: str) -> str:
    """Returns the other file that configures the same folder: a page shows one as the alternative of the other."""
    names = dict(zip(CONFIGURATION, reversed(CONFIGURATION), strict=True))
    folder, _, name = title.rpartition("/")
    return f"{folder}/{names.get(name, name)}"


def _complete(root: Path) -> None:
    """Adds the files that a page leaves to the reader: entries of the YAML, or YAML for the entries of a data.py."""
    for folder in (root / "dlthub").iterdir():
        configured = [folder / name for name in CONFIGURATION if (folder / name).exists()]
        data = folder / "data.py"
        if folder.is_dir() and not configured:
            (folder / "sources.yaml").write_text(yaml.safe_dump({"resources": list(_resources(folder.name, data))}))
        elif folder.is_dir() and not data.exists():
            entries = set(re.findall(r"entry: data\.(\w+)", configured[0].read_text(encoding="utf-8")))
            data.write_text("".join(f"def {name}(*args, **kwargs):\n    yield []\n" for name in sorted(entries)))


def _resources(source: str, data: Path) -> Iterator[dict[str, object]]:
    for node in ast.parse(data.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("get_"):
            kwargs = {argument.arg: "x" for argument in node.args.args}
            yield {"entry": f"data.{node.name}", "kwargs": kwargs, "destination": f"raw.{source}_{node.name}"}


@pytest.mark.parametrize("block", _of("yaml", titled=False), ids=str)
def test_a_fragment_of_yaml_is_configuration(block: Block, location: Location, check: Check) -> None:
    """A YAML block without a file name is valid for a resource or for a Dagster run."""
    keys = set(yaml.safe_load(block.text))
    if keys == {"execution"}:
        location.add("shop")
        job = location.definitions().resolve_implicit_global_asset_job_def()
        assert dg.validate_run_config(job, yaml.safe_load(block.text))
        return
    assert keys <= KEYS
    resource = "resources:\n  - entry: data.get_rows\n    destination: raw.shop\n"
    location.add("shop", resource + "".join(f"    {line}\n" for line in block.text.splitlines()), ROWS)
    check()


@pytest.mark.parametrize("block", _of("python", titled=True) + _of("python", titled=False), ids=str)
def test_a_block_of_python_imports_existing_names(block: Block) -> None:
    """The block compiles, and the modules and names that it imports exist, there or in a file of the page."""
    shown = _names_of_files(block.page)
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module in shown:
            assert {alias.name for alias in node.names} <= shown[node.module]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = importlib.import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def _names_of_files(page: str) -> dict[str, set[str]]:
    """Returns the functions that each Python file of a page defines, by its module."""
    return {
        block.title.removesuffix(".py").removesuffix("/__init__").replace("/", "."): {
            node.name for node in ast.parse(block.text).body if isinstance(node, ast.FunctionDef)
        }
        for block in CHECKED
        if block.page == page and block.title.endswith(".py")
    }


@pytest.mark.parametrize("block", [block for block in CHECKED if block.title == "definitions.py"], ids=str)
def test_a_composition_root_builds_definitions(
    block: Block, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page's `definitions.py` is a code location that Dagster loads; with a lake, which needs no dbt project."""
    monkeypatch.setenv("WAREHOUSE", "lake")
    monkeypatch.setenv("LAKE_URL", "lake")
    monkeypatch.syspath_prepend(str(location.root))
    location.write("pyproject.toml", COMPONENTS)
    location.add("shop")
    for other in (other for other in CHECKED if other.page == block.page and other.title != block.title):
        if other.title:
            location.write(other.title, other.text)
    with modules_of_location():
        names = runpy.run_path(str(location.write("definitions.py", block.text)))
    # Dagster refuses a file with two Definitions objects.
    [defs] = [value for value in names.values() if isinstance(value, dg.Definitions)]
    dg.Definitions.validate_loadable(defs)
    assert {spec.group_name for spec in defs.resolve_all_asset_specs()} >= {"shop"}


@pytest.mark.parametrize("block", _of("sql", titled=False) + _of("sql", titled=True), ids=str)
def test_a_block_of_sql_is_sql(block: Block) -> None:
    """The block is parsed in the dialect of the page's warehouse; macros of dbt are treated as a table."""
    sql = re.sub(r"\{\{.*?\}\}", "select 1" if "({{" in block.text else "relation", block.text, flags=re.DOTALL)
    assert sqlglot.parse(sql, dialect=DIALECTS.get(block.page, "duckdb"))


@pytest.mark.parametrize("block", _of("toml", titled=True), ids=str)
def test_a_block_of_toml_has_settings_that_are_read(block: Block) -> None:
    """The block is TOML with tables of `[sources]`, or the naming of `[schema]`, in one of dlt's files."""
    assert block.title in {".dlt/config.toml", ".dlt/secrets.toml"}
    settings = tomllib.loads(block.text)
    assert set(settings) == {"sources"} or set(settings.get("schema", {})) == {"naming"}


@pytest.mark.parametrize("block", _of("sh", titled=True), ids=str)
def test_a_block_of_env_sets_settings_that_are_read(block: Block) -> None:
    """Each line sets a setting that `.env.example` lists, of a source, of OpenTelemetry or of OpenLineage."""
    assert block.title == ".env"
    listed = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = [line.partition("=")[0] for line in block.text.splitlines()]
    assert [name for name in names if f"# {name}=" not in listed and not name.startswith(OF_OTHERS)] == []


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    """A block in another language needs a test here, or a reason in a comment above it; `text` is output."""
    kinds = {"sh", "python", "yaml", "sql"}
    of_files = {"toml"}
    odd = [b for b in CHECKED if b.language not in kinds | {"text"} and not (b.title and b.language in of_files)]
    assert [str(block) for block in odd] == []


def test_few_blocks_are_unchecked() -> None:
    """A block that no test can check is an exception and needs a reason."""
    assert len([block for block in all_blocks() if block.unchecked]) <= 4


@pytest.mark.parametrize("page", page_files(), ids=lambda page: page.stem)
def test_code_is_between_fences(page: Path) -> None:
    """No test would check an indented block, so indentation is for lists and admonitions only."""
    paragraphs = re.split(r"\n\s*\n", prose(page))
    indented = [
        text
        for before, text in pairwise(paragraphs)
        if text.startswith("    ") and not re.match(r"\s*([-*\d]|!!!)", before.lstrip("\n"))
    ]
    assert indented == []


@pytest.mark.parametrize("page", page_files(), ids=lambda page: page.stem)
def test_no_cell_of_a_table_has_a_pipe(page: Path) -> None:
    """GitHub and mkdocs treat an escaped pipe inside code differently."""
    assert [line for line in prose(page).splitlines() if line.startswith("|") and "\\|" in line] == []
