"""Holds the walls: who may import whom, where the environment is read, and how big a thing may grow.

Each wall is a function from a checkout to the sentences that accuse it. The walls are asked about this checkout,
where they must be silent, and about small ones with one brick out of place, where they must speak.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from typing_extensions import override

import data_foundation
from data_foundation import testing

ROOT = Path(__file__).parents[1]
FRAMEWORK = "data_foundation"
SOURCES = "dlthub"
TOP = "definitions.py"

# From the top down. A room imports only what stands in a lower row.
ROWS: tuple[frozenset[str], ...] = (
    frozenset({"event_log"}),
    frozenset({"cli"}),
    frozenset({"orchestration"}),
    frozenset({"dbt", "local"}),
    frozenset({"testing"}),
    frozenset({"loading"}),
    frozenset({"project"}),
    frozenset({"readers", "audit"}),
    frozenset({"vendors", "warehouses", "checks", "vault", "workbook"}),
    frozenset({"rows", "config"}),
    frozenset({"errors"}),
    frozenset({"process_wide", "naming", "suggestions", "dlt_keys"}),
)
LEVELS = {module: -depth for depth, row in enumerate(ROWS) for module in row}

# Who may import a library, by its names.
KNOWS_DAGSTER = frozenset({"orchestration", "event_log"})
KNOWS_DLT = frozenset(LEVELS) - {"local", "config", "errors", "suggestions", "dlt_keys", "workbook"}
LIBRARIES = {
    "dagster": KNOWS_DAGSTER,
    "dagster_dlt": KNOWS_DAGSTER,
    "dagster_dbt": KNOWS_DAGSTER,
    "dlt": KNOWS_DLT,
}

DOORS = frozenset({"Calls", "Clock", "Refusal"})
"""What a source may import of the framework: how requests to a vendor are paced, tried again and refused."""

TEMPLATES = f"{FRAMEWORK}/templates_new_source"
PUBLIC = {
    *(f"{FRAMEWORK}.{name}" for name in data_foundation.__all__),
    *(f"{FRAMEWORK}.testing.{name}" for name in testing.__all__),
}
"""What users' code may import of the framework."""

MAX_LINES = {TOP: 40, f"{FRAMEWORK}/": 300}
MAX_FUNCTION_LINES = 40


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


def _module(name: str) -> str | None:
    """Returns `project` for `data_foundation.project.source.ResourceConfig`, None outside the framework."""
    head, _, rest = name.partition(".")
    return rest.split(".")[0] if head == FRAMEWORK else None


def _place(file: Path) -> str:
    """Returns `project` for `data_foundation/project/source.py`, `readers` for anything in that package."""
    return file.parts[1].removesuffix(".py")


def arrows_point_down(root: Path) -> Iterator[str]:
    """A module of the framework imports only from rows below its own."""
    for file in _files(root, FRAMEWORK):
        here = _place(file)
        for found in _imports(root, file):
            target = _module(found.name)
            if here == "__init__" or target in {None, here} or here not in LEVELS:
                continue
            if target not in LEVELS:
                yield f"{found}: no module of ROWS, so take it from the module that has it"
            elif LEVELS[target] >= LEVELS[here]:
                yield f"{found}: an arrow that does not point down"


def every_module_has_its_place(root: Path) -> Iterator[str]:
    """A module of the framework stands in one row of ROWS."""
    for file in _files(root, FRAMEWORK):
        if _place(file) not in LEVELS and _place(file) != "__init__":
            yield f"{file.as_posix()}: put {_place(file)!r} into a row of ROWS in tests/test_architecture.py"


def no_imports_in_a_circle(root: Path) -> Iterator[str]:
    """No module of the framework imports itself through others, not for a type and not inside a function either."""
    files = {".".join(file.with_suffix("").parts).removesuffix(".__init__"): file for file in _files(root, FRAMEWORK)}
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        # What is imported is a module, or something out of one.
        imported = {part for found in _imports(root, file) for part in (found.name, found.name.rpartition(".")[0])}
        graph[name] = (imported & files.keys()) - {name, FRAMEWORK}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
        yield f"{files[min(circle)].as_posix()}: imports in a circle: {', '.join(circle)}"


def only_a_few_know_a_library(root: Path) -> Iterator[str]:
    """Dagster and dlt are imported by the modules that LIBRARIES names."""
    for file in _files(root, FRAMEWORK):
        for found in _imports(root, file):
            knows = LIBRARIES.get(found.name.split(".")[0])
            if knows is not None and _place(file) not in knows:
                yield f"{found}: {_place(file)!r} does not know that library"


def sources_stand_alone(root: Path) -> Iterator[str]:
    """A source imports no Dagster, nothing of the framework but its doors, and no other source.

    DOORS are open to all: a limit is shared by all resources of a process, so what paces them must be one thing that no
    source has a copy of. ConfigurableDltResource says in a source's definitions.py what YAML would say.
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
    """What `foundation new` writes into users' repositories imports no insides of the framework."""
    for file in sorted((root / FRAMEWORK).rglob("*.py.txt")):
        template = file.relative_to(root)
        for found in _imports(root, template):
            is_relative = found.name.startswith(".".join(template.parent.parts))
            if found.name.split(".")[0] == FRAMEWORK and found.name not in PUBLIC and not is_relative:
                yield f"{found}: a template imports data_foundation or data_foundation.testing"


def sources_are_loaded_by_path(root: Path) -> Iterator[str]:
    """Nothing that runs imports a source by name."""
    for file in _files(root, TOP, FRAMEWORK, "sandbox", "benchmarks"):
        for found in _imports(root, file):
            if found.name.split(".")[0] == SOURCES:
                yield f"{found}: project/entry.py alone loads sources, by path"


def nothing_imports_the_top(root: Path) -> Iterator[str]:
    """definitions.py composes everything, so nobody builds on it."""
    for file in _files(root, TOP, FRAMEWORK, SOURCES, "sandbox", "benchmarks", "tests"):
        for found in _imports(root, file):
            if found.name.split(".")[0] == "definitions":
                yield f"{found}: nothing imports definitions"


def the_environment_is_read_in_one_place(root: Path) -> Iterator[str]:
    """warehouses/settings.py is the only reader of os.environ."""
    for file in _files(root, TOP, FRAMEWORK, SOURCES):
        if file == Path(FRAMEWORK, "warehouses", "settings.py"):
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
    """`import dlt` imports `dlthub` half-way: nothing of ours may run there, and no wheel may carry the name."""
    if (root / SOURCES / "__init__.py").exists():
        yield f"{SOURCES}/__init__.py: would run in the middle of `import dlt`"
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    if (packages := project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) != [FRAMEWORK]:
        yield f"pyproject.toml: the wheel carries {packages}, not {FRAMEWORK} alone"


def things_stay_small(root: Path) -> Iterator[str]:
    """A file or a function beyond these sizes is two things that want two names."""
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


WALLS: tuple[Callable[[Path], Iterator[str]], ...] = (
    arrows_point_down,
    every_module_has_its_place,
    no_imports_in_a_circle,
    only_a_few_know_a_library,
    sources_stand_alone,
    templates_import_what_is_public,
    sources_are_loaded_by_path,
    nothing_imports_the_top,
    the_environment_is_read_in_one_place,
    the_sources_are_no_package,
    things_stay_small,
)

WHEEL = "[tool.hatch.build.targets.wheel]\npackages = [{}]\n"
SOUND = {
    "pyproject.toml": WHEEL.format('"data_foundation"'),
    "definitions.py": "from data_foundation.orchestration.factory import build_definitions\n",
    "data_foundation/__init__.py": "from data_foundation.project.source import ConfigurableDltResource\n",
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
    (
        arrows_point_down,
        "data_foundation/project/source.py",
        "from data_foundation.loading.attempts import load_resource",
    ),
    (arrows_point_down, "data_foundation/project/source.py", "from ..loading.attempts import load_resource"),
    (arrows_point_down, "data_foundation/project/source.py", "def f():\n    import data_foundation.loading.attempts"),
    (arrows_point_down, "data_foundation/loading/attempts.py", "from data_foundation.orchestration import translator"),
    (arrows_point_down, "data_foundation/loading/attempts.py", "from data_foundation import ConfigurableDltResource"),
    (arrows_point_down, "data_foundation/vault/landing.py", "from ..project.entry import x"),
    (every_module_has_its_place, "data_foundation/novelty.py", ""),
    (no_imports_in_a_circle, "data_foundation/readers/rest.py", "from data_foundation.readers import sql"),
    (no_imports_in_a_circle, "data_foundation/readers/rest.py", "def f():\n    from .sql import get_table"),
    (only_a_few_know_a_library, "data_foundation/loading/attempts.py", "import dagster as dg"),
    (only_a_few_know_a_library, "data_foundation/loading/attempts.py", "from dagster_dlt.translator import X"),
    (only_a_few_know_a_library, "data_foundation/cli/main.py", "def f():\n    from dagster import X"),
    (only_a_few_know_a_library, "data_foundation/config/grammar.py", "import dlt.extract"),
    (only_a_few_know_a_library, "data_foundation/__init__.py", "import dlt"),
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
def test_the_wall_stands(wall: Callable[[Path], Iterator[str]]) -> None:
    """Every wall holds in this checkout."""
    accusations = "\n".join(wall(ROOT))
    assert not accusations, accusations


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.__name__)
def test_a_wall_is_silent_about_what_is_allowed(wall: Callable[[Path], Iterator[str]], tmp_path: Path) -> None:
    """A sound checkout is accused of nothing, so an accusation means something."""
    _plant(tmp_path, SOUND)
    assert list(wall(tmp_path)) == []


@pytest.mark.parametrize(("wall", "file", "text"), PLANTED, ids=[f"{w.__name__}-{t[:40]!r}" for w, _, t in PLANTED])
def test_a_wall_sees_a_planted_violation(
    wall: Callable[[Path], Iterator[str]], file: str, text: str, tmp_path: Path
) -> None:
    """One brick out of place is reported once, with its file."""
    _plant(tmp_path, SOUND | {file: text})
    (accusation,) = wall(tmp_path)
    assert accusation.startswith(file)


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
def test_importing_a_module_does_not_load_what_it_may_not_know(module: str, strangers: set[str]) -> None:
    """The walls hold at run time as well, through whatever a module imports in its turn."""
    code = f"import sys, {FRAMEWORK}.{module}; print(*sorted({strangers!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
