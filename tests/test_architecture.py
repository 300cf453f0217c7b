"""Tests of the architecture: dependencies between rooms, and rules that import-linter cannot express.

A rule is a function that returns the violations in a checkout. Each must find none in this checkout, and find the
planted one in a small checkout with one wrong line. Dependencies are contracts of import-linter, in pyproject.toml.
"""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

import data_foundation
from data_foundation import testing

ROOT = Path(__file__).parents[1]
FRAMEWORK = "data_foundation"
SOURCES = "dlthub"
TOP = "definitions.py"

DOORS = frozenset({"Calls", "Clock", "Refusal"})
"""Names of the framework that a source may import: how requests to a vendor are paced, retried and refused."""

TEMPLATES = f"{FRAMEWORK}/project/scaffold/templates/python"
PUBLIC = {
    *(f"{FRAMEWORK}.{name}" for name in data_foundation.__all__),
    *(f"{FRAMEWORK}.testing.{name}" for name in testing.__all__),
}
"""Names of the framework that users' code may import."""

MAX_LINES = {TOP: 40, f"{FRAMEWORK}/": 300}
MAX_FUNCTION_LINES = 40
MAX_MODULES = 15
"""Maximum number of modules in a room, without `__init__.py`; a larger room must be split."""

SHORTEST_SIGN = 20
"""Minimum number of words in a room's docstring: its contents, what does not belong in it, and where to begin reading.
"""


@dataclass(frozen=True)
class Import:
    """One imported name, absolute: `data_foundation.project.source.ResourceConfig`, `dagster`."""

    file: Path
    line: int
    name: str

    @override
    def __str__(self) -> str:
        return f"{self.file.as_posix()}:{self.line}: imports {self.name}"


def _files(root: Path, *places: str) -> Iterator[Path]:
    for place in map(root.joinpath, places):
        found = sorted(place.rglob("*.py")) if place.is_dir() else [place] * place.exists()
        yield from (file.relative_to(root) for file in found)


def _imports(root: Path, file: Path) -> Iterator[Import]:
    package = file.parent.parts
    for node in ast.walk(ast.parse((root / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            base += [node.module] if node.module else []
            yield from (Import(file, node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def sources_stand_alone(root: Path) -> Iterator[str]:
    """A source imports no Dagster, of the framework only DOORS, and no other source.

    All sources may import DOORS: all resources of a process share a vendor's limit, so one object must pace all of
    them. ConfigurableDltResource is the equivalent in definitions.py of what YAML configures.
    """
    for file in _files(root, SOURCES):
        for found in _imports(root, file):
            head = found.name.split(".")[0]
            doors = DOORS | ({"ConfigurableDltResource"} if file.name == "definitions.py" else set())
            door = found.name in {f"{FRAMEWORK}.{name}" for name in doors}
            if head.startswith("dagster") or (head == FRAMEWORK and not door):
                yield f"{found}: a source is plain Python and dlt"
            elif head == SOURCES and found.name.split(".")[1:2] != [file.parts[1]]:
                yield f"{found}: a source knows no other source"


def templates_import_what_is_public(root: Path) -> Iterator[str]:
    """The files that `foundation new` writes into users' repositories import only public names of the framework."""
    for file in sorted((root / FRAMEWORK).rglob("*.py.txt")):
        template = file.relative_to(root)
        for found in _imports(root, template):
            is_relative = found.name.startswith(".".join(template.parent.parts))
            if found.name.split(".")[0] == FRAMEWORK and found.name not in PUBLIC and not is_relative:
                yield f"{found}: a template imports data_foundation or data_foundation.testing"


def sources_are_loaded_by_path(root: Path) -> Iterator[str]:
    """No code that runs imports a source by name."""
    for file in _files(root, TOP, FRAMEWORK, "sandbox", "benchmarks"):
        for found in _imports(root, file):
            if found.name.split(".")[0] == SOURCES:
                yield f"{found}: project/entry.py alone loads sources, by path"


def nothing_imports_the_top(root: Path) -> Iterator[str]:
    """definitions.py is the composition root, so no module imports it."""
    for file in _files(root, TOP, FRAMEWORK, SOURCES, "sandbox", "benchmarks", "tests"):
        for found in _imports(root, file):
            if found.name.split(".")[0] == "definitions":
                yield f"{found}: nothing imports definitions"


def the_environment_is_read_in_one_place(root: Path) -> Iterator[str]:
    """warehouses/settings.py is the only module that reads os.environ."""
    for file in _files(root, TOP, FRAMEWORK, SOURCES):
        if file in {Path(FRAMEWORK, "warehouses", "settings.py"), Path(FRAMEWORK, "process_wide", "at_import.py")}:
            continue
        for node in ast.walk(ast.parse((root / file).read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(attr=attribute):
                    names = {attribute}
                case ast.ImportFrom(module="os", names=aliases):
                    names = {alias.name for alias in aliases}
                case _:
                    continue
            if names & {"environ", "environb", "getenv", "putenv"}:
                yield f"{file.as_posix()}:{node.lineno}: reads the environment: warehouses/settings.py alone does"


def the_sources_are_no_package(root: Path) -> Iterator[str]:
    """`import dlt` imports `dlthub`: no code of ours may run there, and no wheel may contain a package of that name."""
    if (root / SOURCES / "__init__.py").exists():
        yield f"{SOURCES}/__init__.py: would run in the middle of `import dlt`"
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    if (packages := project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) != [FRAMEWORK]:
        yield f"pyproject.toml: the wheel carries {packages}, not {FRAMEWORK} alone"


def things_stay_small(root: Path) -> Iterator[str]:
    """A file or a function beyond these sizes must be split."""
    for file in _files(root, TOP, FRAMEWORK):
        text = (root / file).read_text(encoding="utf-8")
        allowed = next(lines for start, lines in MAX_LINES.items() if file.as_posix().startswith(start))
        if (lines := len(text.splitlines())) > allowed:
            yield f"{file.as_posix()}: {lines} lines, {allowed} are allowed"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
                if (lines := (node.end_lineno or 0) - body[0].lineno + 1) > MAX_FUNCTION_LINES:
                    yield f"{file.as_posix()}:{node.lineno}: {node.name} has {lines} lines below its docstring"


def rooms_have_signs(root: Path) -> Iterator[str]:
    """The docstring of every room describes its contents, and no room has too many modules."""
    for door in (file for file in _files(root, FRAMEWORK) if file.name == "__init__.py" and len(file.parts) > 2):
        sign = ast.get_docstring(ast.parse((root / door).read_text(encoding="utf-8"))) or ""
        if (words := len(sign.split())) < SHORTEST_SIGN:
            yield f"{door.as_posix()}: its docstring has {words} words, {SHORTEST_SIGN} are needed"
        if (modules := len(list((root / door.parent).glob("*.py"))) - 1) > MAX_MODULES:
            yield f"{door.parent.as_posix()}: {modules} modules, {MAX_MODULES} are allowed"


def the_public_door_is_for_users(root: Path) -> Iterator[str]:
    """The framework does not import its own public package, which would import everything behind it."""
    for file in _files(root, FRAMEWORK):
        for found in _imports(root, file):
            head, _, name = found.name.partition(".")
            if head == FRAMEWORK and name in data_foundation.__all__:
                yield f"{found}: import it from its module"


def only_process_wide_changes_the_process(root: Path) -> Iterator[str]:
    """Importing a module changes nothing outside it: no call for a side effect, no assignment to another module."""
    for file in _files(root, FRAMEWORK):
        if file.parts[1] == "process_wide":
            continue
        tree = ast.parse((root / file).read_text(encoding="utf-8"))
        own = {target.id for node in tree.body for target in _targets(node) if isinstance(target, ast.Name)}
        for node in _run_at_import(tree.body):
            called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
            for changed in [*_targets(node), *([called] if called else [])]:
                if isinstance(changed, ast.Name) and not called:
                    continue
                if (name := ast.unparse(changed)).split(".")[0].split("[")[0] not in own:
                    yield f"{file.as_posix()}:{node.lineno}: {name}: only process_wide/ changes the process at import"


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            continue
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for part in ("body", "orelse", "finalbody"):
                yield from _run_at_import(getattr(node, part, []))


def _targets(node: ast.stmt) -> list[ast.expr]:
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            tuples = [target.elts if isinstance(target, ast.Tuple) else [target] for target in targets]
            return [target for part in tuples for target in part]
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return [target]
    return []


WALLS: tuple[Callable[[Path], Iterator[str]], ...] = (
    rooms_have_signs,
    the_public_door_is_for_users,
    only_process_wide_changes_the_process,
    sources_stand_alone,
    templates_import_what_is_public,
    sources_are_loaded_by_path,
    nothing_imports_the_top,
    the_environment_is_read_in_one_place,
    the_sources_are_no_package,
    things_stay_small,
)

WHEEL = "[tool.hatch.build.targets.wheel]\npackages = [{}]\n"
SIGN = f'"""{"What is in this room. " * 5}"""\n'
SOUND = {
    "pyproject.toml": WHEEL.format('"data_foundation"'),
    "definitions.py": "from data_foundation.orchestration.factory import build_definitions\n",
    "data_foundation/__init__.py": "from data_foundation.project.source import ConfigurableDltResource\n",
    "data_foundation/loading/__init__.py": SIGN,
    "data_foundation/process_wide/at_import.py": "import gc\ngc.disable()\n",
    "data_foundation/cli/main.py": "app = X()\napp.add_typer(1)\nif __name__ == '__main__':\n    main()\n",
    "data_foundation/orchestration/factory.py": "import dagster\nfrom .translator import X\n",
    "data_foundation/readers/sql.py": "import dlt\nfrom data_foundation.readers import rest\n",
    "data_foundation/readers/rest.py": "import dlt\n",
    "data_foundation/warehouses/settings.py": "import os\nos.environ\n",
    f"{TEMPLATES}/data.py.txt": "import dlt\nfrom . import TIMEOUT\nfrom data_foundation import Calls\n",
    f"{TEMPLATES}/test.py.txt": "from data_foundation.testing import TemporaryWarehouse\n",
    "dlthub/github/data.py": "import dlt\nfrom . import PAGE\nfrom dlthub.github import paging\n",
    "dlthub/github/api.py": "from data_foundation import Calls, Clock, Refusal\n",
    "dlthub/github/definitions.py": "from data_foundation import ConfigurableDltResource\nfrom .data import x\n",
}
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES + 1)
PLANTED = [
    (rooms_have_signs, "data_foundation/loading/__init__.py", '"""Loading."""'),
    (the_public_door_is_for_users, "data_foundation/loading/attempts.py", "from data_foundation import Calls"),
    (only_process_wide_changes_the_process, "data_foundation/loading/attempts.py", "import gc\ngc.disable()"),
    (only_process_wide_changes_the_process, "data_foundation/loading/attempts.py", "import dlt\ndlt.pipeline = None"),
    (only_process_wide_changes_the_process, "data_foundation/vault/x.py", "import os\nos.environ['A'] = 'b'"),
    (sources_stand_alone, "dlthub/github/data.py", "import dagster"),
    (sources_stand_alone, "dlthub/github/data.py", "from data_foundation import ConfigurableDltResource"),
    (sources_stand_alone, "dlthub/github/data.py", "from data_foundation.vendors.calls import Calls"),
    (sources_stand_alone, "dlthub/github/definitions.py", "from data_foundation.loading.attempts import load_resource"),
    (sources_stand_alone, "dlthub/github/data.py", "from dlthub.mentions.data import get_mentions"),
    (sources_stand_alone, "dlthub/github/data.py", "from ..mentions import data"),
    (
        templates_import_what_is_public,
        f"{TEMPLATES}/test.py.txt",
        "from data_foundation.loading.attempts import load_resource",
    ),
    (templates_import_what_is_public, f"{TEMPLATES}/test.py.txt", "from data_foundation import loader"),
    (templates_import_what_is_public, f"{TEMPLATES}/data.py.txt", "from data_foundation.testing import find_sources"),
    (sources_are_loaded_by_path, "sandbox/app.py", "from dlthub.github.data import get_commits"),
    (sources_are_loaded_by_path, "data_foundation/project/entry.py", "import dlthub"),
    (nothing_imports_the_top, "tests/test_x.py", "from definitions import defs"),
    (nothing_imports_the_top, "data_foundation/cli/main.py", "import definitions"),
    (the_environment_is_read_in_one_place, "data_foundation/loading/attempts.py", "import os\nos.environ.get('X')"),
    (the_environment_is_read_in_one_place, "dlthub/github/data.py", "from os import getenv"),
    (the_sources_are_no_package, "dlthub/__init__.py", ""),
    (the_sources_are_no_package, "pyproject.toml", WHEEL.format('"data_foundation", "dlthub"')),
    (things_stay_small, "definitions.py", "x = 1\n" * 41),
    (things_stay_small, "data_foundation/loading/attempts.py", "x = 1\n" * 301),
    (things_stay_small, "data_foundation/loading/attempts.py", LONG_FUNCTION),
]


def _plant(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.__name__)
def test_this_checkout_has_no_violations(wall: Callable[[Path], Iterator[str]]) -> None:
    """No rule finds a violation in this checkout."""
    accusations = "\n".join(wall(ROOT))
    assert not accusations, accusations


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.__name__)
def test_a_valid_checkout_has_no_violations(wall: Callable[[Path], Iterator[str]], tmp_path: Path) -> None:
    """No rule finds a violation in a valid checkout."""
    _plant(tmp_path, SOUND)
    assert list(wall(tmp_path)) == []


@pytest.mark.parametrize(("wall", "file", "text"), PLANTED, ids=[f"{w.__name__}-{t[:40]!r}" for w, _, t in PLANTED])
def test_a_planted_violation_is_found(
    wall: Callable[[Path], Iterator[str]], file: str, text: str, tmp_path: Path
) -> None:
    """Each planted violation is reported once, with its file."""
    _plant(tmp_path, SOUND | {file: text})
    (accusation,) = wall(tmp_path)
    assert accusation.startswith(file)


def _lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_this_checkout_keeps_the_contracts_of_import_linter() -> None:
    """This checkout keeps every contract of import-linter."""
    done = _lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


ARROWS = [
    ("project/source.py", "from data_foundation.loading.attempts import load_resource", "project"),
    ("loading/task.py", "if TYPE_CHECKING:\n    from data_foundation.orchestration import op", "loading.task"),
    ("vault/hashes.py", "def f():\n    from data_foundation.project.entry import x", "vault.hashes"),
    ("loading/lock.py", "import dagster as dg", "loading.lock -> dagster"),
    ("cli/commands/workbook.py", "def f():\n    from dagster import Definitions", "commands.workbook -> dagster"),
    ("config/scalars.py", "import dlt.extract", "config.scalars -> dlt"),
    ("warehouses/base.py", "def f():\n    from data_foundation.warehouses import settings", ".base -> .settings"),
    ("novelty.py", "", "- data_foundation.novelty"),
]


def test_planted_imports_are_found(tmp_path: Path) -> None:
    """Planted imports are named: upwards, for a type, inside a function, of a library, in a circle; an unknown room."""
    shutil.copytree(ROOT / FRAMEWORK, tmp_path / FRAMEWORK, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, text, _ in ARROWS:
        with (tmp_path / FRAMEWORK / file).open("a", encoding="utf-8") as module:
            module.write(f"\n{text}\n")
    done = _lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert [text for *_, text in ARROWS if text not in done.stdout] == []


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("project.source", {"dlt", "dagster", "openpyxl"}),
        ("project.entry", {"dlt", "dagster"}),
        ("warehouses.settings", {"dagster"}),
        ("loading.attempts", {"dagster"}),
        ("cli.main", {"dagster", "dlt", "openpyxl"}),
    ],
)
def test_importing_a_module_does_not_load_forbidden_modules(module: str, strangers: set[str]) -> None:
    """The rules also hold at run time, for everything that a module imports indirectly."""
    code = f"import sys, {FRAMEWORK}.{module}; print(*sorted({strangers!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_public_names_are_these() -> None:
    """Public names change on purpose only, and each can be imported."""
    assert data_foundation.__all__ == [
        "Calls", "Clock", "ConfigurableDltResource", "Refusal", "ResourceData", "SourceFolders", "SourceTranslator",
        "build_dbt_assets", "build_definitions", "build_warehouse", "run_sources",
    ]  # fmt: skip
    assert testing.__all__ == ["LoadResult", "TemporaryWarehouse", "find_problems"]
    assert all(getattr(data_foundation, name).__name__ == name for name in data_foundation.__all__)


def test_the_picture_shows_every_room() -> None:
    """The picture of the rooms is drawn by hand; a room that it lacks would be found by nobody."""
    picture = (ROOT / "docs" / "assets" / "rooms.svg").read_text(encoding="utf-8")
    rooms = {sign.parent.name for sign in (ROOT / FRAMEWORK).glob("*/__init__.py")}
    assert {room for room in rooms if f">{room}<" not in picture} == set()
