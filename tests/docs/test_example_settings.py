"""Tests that the example settings of .env.example and .dlt/ are the settings that the code reads."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_foundation.warehouses.settings import ENGINES, FOLDER_SETTINGS, GENERAL_SETTINGS, RUN_SETTINGS

ROOT = Path(__file__).parents[2]
ENV_LINE = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


@dataclass(frozen=True)
class Setting:
    """An argument of a source's function that dlt's configuration sets."""

    source: str
    name: str
    secret: bool
    promised: bool
    """Whether the examples must list it; any other argument with a default can be set too."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"SOURCES__{self.source}__{self.name}".upper()


def _settings(sources: Path) -> set[Setting]:
    trees = ((file, ast.parse(file.read_text(encoding="utf-8"))) for file in sources.glob("*/*.py"))
    functions = ((file, node) for file, tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {setting for file, function in functions for setting in _arguments(file.parent.name, function)}


def _arguments(source: str, function: ast.FunctionDef) -> Iterator[Setting]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + [*arguments.defaults, *arguments.kw_defaults]
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        filled_by = ast.unparse(default) if default else ""
        annotation = ast.unparse(argument.annotation) if argument.annotation else ""
        secret = filled_by == "dlt.secrets.value" or "TSecret" in annotation
        if filled_by or secret:
            promised = secret or filled_by == "dlt.config.value" or argument.arg == "page_size"
            yield Setting(source, argument.arg, secret, promised)


def _listed(toml: Path) -> set[str]:
    """Returns the variables of the tables `[sources.<folder>]` of a file, including commented-out keys."""
    text = re.sub(r"^# ?(\w+ = )", r"\1", toml.read_text(encoding="utf-8"), flags=re.MULTILINE)
    tables = tomllib.loads(text).get("sources", {})
    return {f"SOURCES__{source}__{key}".upper() for source, keys in tables.items() for key in keys}


SETTINGS = _settings(ROOT / "dlthub")
PROMISED = sorted((setting for setting in SETTINGS if setting.promised), key=lambda setting: setting.variable)


@pytest.mark.parametrize("setting", PROMISED, ids=lambda setting: setting.variable)
def test_every_setting_of_a_source_is_listed_in_the_examples(setting: Setting) -> None:
    """.env.example lists every setting; .dlt/ lists secrets and other settings in separate files."""
    assert setting.variable in ENV_LINE.findall((ROOT / ".env.example").read_text(encoding="utf-8"))
    assert setting.variable in _listed(ROOT / ".dlt" / ("secrets.toml.example" if setting.secret else "config.toml"))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_setting_of_a_warehouse_is_listed(engine: str) -> None:
    """.env.example lists each environment variable that the engine reads."""
    settings = (*GENERAL_SETTINGS, *RUN_SETTINGS, *FOLDER_SETTINGS, *ENGINES[engine].known_settings)
    known = {setting.name for setting in settings}
    assert sorted(known - set(ENV_LINE.findall((ROOT / ".env.example").read_text(encoding="utf-8")))) == []


def test_the_examples_list_no_unused_setting() -> None:
    """A setting that is removed from the code is removed from the examples."""
    read = {setting.variable for setting in SETTINGS}
    listed = {v for v in ENV_LINE.findall((ROOT / ".env.example").read_text(encoding="utf-8")) if "SOURCES__" in v}
    listed |= _listed(ROOT / ".dlt" / "config.toml") | _listed(ROOT / ".dlt" / "secrets.toml.example")
    assert sorted(listed - read) == []


@pytest.mark.parametrize("example", [".env.example", ".dlt/secrets.toml.example"])
def test_an_example_sets_nothing_by_being_copied(example: str) -> None:
    """Every line is a comment or a table header, because an empty value would count as a value."""
    lines = (ROOT / example).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith(("#", "["))] == []


def test_settings_of_every_kind_are_found(tmp_path: Path) -> None:
    """Required and optional, secret and plain, nested functions and keyword-only arguments are found."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "data.py").write_text(
        "def f(path, url: str = dlt.config.value, *, key: dlt.TSecretStrValue | None = None, page_size=9, n=1):\n"
        "    def g(token=dlt.secrets.value): ...\n",
        encoding="utf-8",
    )
    found = _settings(tmp_path)
    assert {setting.variable for setting in found if setting.promised and setting.secret} == {
        "SOURCES__SHOP__KEY",
        "SOURCES__SHOP__TOKEN",
    }
    assert {setting.name for setting in found if setting.promised and not setting.secret} == {"url", "page_size"}
    assert {setting.name for setting in found if not setting.promised} == {"n"}


def test_make_alone_lists_every_target() -> None:
    """`make` without arguments lists every target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([\w-]+) +\S", done.stdout, re.MULTILINE)) == targets - {"help"}
