"""Tests of `foundation new --from`: each kind works at once, and what cannot be written is refused."""

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from data_foundation.config.several.expansion import find_several
from data_foundation.config.several.source_tables import SourceTables
from data_foundation.config.yaml_document import load_yaml
from data_foundation.errors import FoundationError
from data_foundation.project.discovery.discover import discover
from data_foundation.project.entry import find_entry, read_facts
from data_foundation.project.scaffold.create import create_source
from data_foundation.testing import TemporaryWarehouse, find_problems
from tests.support.locations import Location
from tests.support.terminals import run_in_terminal

ROOT = Path(__file__).parents[2]
RUFF, FOUNDATION = (str(Path(sys.executable).parent / name) for name in ("ruff", "foundation"))
KINDS = ("python", "rest", "sql", "files", "dlt:rest_api", "dlt:sql_database", "dlt:filesystem")
SAMPLES = {
    "sql": "raw.sql_orders",
    "files": "raw.files_orders",
    "dlt:sql_database": "raw.sql_database_orders",
    "dlt:filesystem": "raw.filesystem_read_jsonl",
}
LOSSES = {
    "python": ("python/data.py", "yield items", "yield items[:1]"),
    "rest": ("rest/sources.yaml", "pagination: page", "pagination: none"),
    "sql": ("sql/sources.yaml", "table: orders", "table: orders\n      query_filter: id <> 2"),
    "files": ("files/sources.yaml", "on_bad_row: fail", "skip: 2\n      header: [id, customer, amount, booked_on]"),
    "dlt:rest_api": ("rest_api/sources.yaml", "paginator: {type: page_number, base_page: 1, total_path: null}",
                     "paginator: single_page"),
    "dlt:sql_database": ("sql_database/sources.yaml", "primary_key: id", "primary_key: updated_at"),
    "dlt:filesystem": ("filesystem/sources.yaml", '"*.jsonl"', '"1.jsonl"'),
}  # fmt: skip
"""By kind: a file below `dlthub/`, and a change of it by which rows are lost, or stay that should be replaced."""


def name_of(kind: str) -> str:
    """Returns the name that a source of this kind has in these tests."""
    return kind.removeprefix("dlt:")


def run_pytest(root: Path) -> subprocess.CompletedProcess[str]:
    """Runs the tests of a repository in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sources"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def written(root: Path) -> dict[str, bytes]:
    """Returns the content of every file of a repository, by path."""
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_each_kind_is_valid_and_passes_its_own_test(location: Location) -> None:
    """A new source of each kind has no problem and passes its test, and the linter accepts its Python."""
    (location.root / "dlthub").mkdir()
    for kind in KINDS:
        created = create_source(location.root, name_of(kind), kind)
        assert all(file.is_file() for file in created.files)
        assert created.steps
    assert [find_problems(name_of(kind)) for kind in KINDS] == [[]] * len(KINDS)
    done = run_pytest(location.root)
    assert done.returncode == 0, done.stdout
    assert f"{len(KINDS)} passed" in done.stdout
    config = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    first_party = ["--config", "lint.isort.known-first-party=['data_foundation']"]
    for command in ([RUFF, "check", *config, *first_party], [RUFF, "format", "--check", *config]):
        done = subprocess.run(command, cwd=location.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.rare
def test_the_test_of_each_kind_notices_lost_rows(location: Location) -> None:
    """With a configuration or code that leaves out rows, the test of every kind fails."""
    (location.root / "dlthub").mkdir()
    for kind in KINDS:
        create_source(location.root, name_of(kind), kind)
    for path, before, after in LOSSES.values():
        file = location.root / "dlthub" / path
        text = file.read_text("utf-8")
        assert before in text
        file.write_text(text.replace(before, after), "utf-8")
    assert f"{len(KINDS)} failed" in run_pytest(location.root).stdout


def test_what_has_a_sample_loads_it_at_once(location: Location) -> None:
    """`foundation run` loads what `foundation new` has written, without a setting or an account: all three rows."""
    (location.root / "dlthub").mkdir()
    for kind in SAMPLES:
        create_source(location.root, name_of(kind), kind)
    done = subprocess.run([FOUNDATION, "run"], cwd=location.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for table in SAMPLES.values():
        assert location.query(f"SELECT id, customer FROM {table} ORDER BY id") == [
            (1, "Ada"),
            (2, "Grace"),
            (3, "Edsger"),
        ]


REFUSED: Mapping[str, tuple[str, str | None, tuple[str, ...]]] = {
    "an unknown kind": ("rset", None, ("accepted: python, rest, sql, files, or dlt:<name or folder", "mean 'rest'?")),
    "capitals": ("REST", None, ("Did you mean 'rest'?",)),
    "nothing": ("", None, ("accepted: python, rest",)),
    "the name of a folder of templates": ("dlt_rest_api", None, ("Did you mean 'dlt:rest_api'?",)),
    "dlt alone": ("dlt", None, ("dlt:rest_api, dlt:sql_database, dlt:filesystem", "a folder")),
    "dlt without a source": ("dlt:", None, ("dlt:rest_api, dlt:sql_database, dlt:filesystem",)),
    "a shipped source in capitals": ("dlt:Rest_API", None, ("dlt:rest_api",)),
    "a shipped source with a dash": ("dlt:sql-database", None, ("Did you mean 'sql_database'?",)),
    "a folder that is missing": ("dlt:verified/sources/toi", None, ("there is no such folder. Did you mean 'toy'?",)),
    "a folder in one that is missing": ("dlt:nowhere/toy", None, ("there is no such folder",)),
    "a file": ("dlt:verified/sources/toy/__init__.py", None, ("is a file; name the folder that holds it",)),
    "a repository": ("dlt:verified", None, ("it holds empty, toy: --from dlt:verified/sources/empty",)),
    "the folder of many": ("dlt:verified/sources", None, ("it holds empty, toy",)),
    "no source in it": ("dlt:verified/sources/empty", None, ("no function of it has dlt's decorator",)),
    "one that dlt ships": ("dlt:verified/sources/rest_api", None, ("itself: --from dlt:rest_api",)),
    "a folder of this project": ("dlt:dlthub/mine", None, ("is a source folder already",)),
    "code that is not Python": ("dlt:broken", None, ("broken/__init__.py:1 is not valid Python",)),
    "a location without a name": ("rest", "verified", ("--location: got 'verified'; it goes with --from dlt:<name",)),
    "a location with a shipped name": ("dlt:rest_api", "verified", ("--location: got 'verified'",)),
    "a location with a folder": ("dlt:./verified/sources/toy", "x", ("is a folder; leave --location out",)),
}  # fmt: skip
TOY = '''"""Toys of a shop."""

import dlt


@dlt.source
def toys(shop: str, api_key: str = dlt.secrets.value, page_size: int = 100):
    """Toys and their makers. They are made up.

    Args:
        shop: Where.
    """

    @dlt.resource(primary_key="id", write_disposition="merge")
    def toy(colour: str = dlt.config.value):
        yield [{"id": number, "shop": shop, "key": api_key, "colour": colour} for number in range(3)]

    return [toy]
'''


@pytest.fixture
def verified(location: Location) -> Location:
    """A repository with folders of dlt sources beside it, as dlt's verified sources are laid out."""
    location.write("dlthub/mine/sources.yaml", "resources: [{entry: data.f, destination: raw.f}]")
    location.write("verified/sources/toy/__init__.py", TOY)
    location.write("verified/sources/toy/requirements.txt", "dlt>=0.5.1\nno-such-package~=2.1\nduckdb\n")
    location.write("verified/sources/empty/__init__.py", "def toys():\n    return []\n")
    location.write("verified/sources/rest_api/__init__.py", '"""Moved."""\n')
    location.write(
        "verified/sources/toy_pipeline.py",
        "import dlt\nfrom toy import toys\n\n"
        "def load():\n    dlt.pipeline('toy', destination='duckdb').run(toys('a'))\n",
    )
    location.write("broken/__init__.py", "def toys(:\n")
    return location


@pytest.mark.parametrize(("kind", "at", "messages"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_writes_nothing(
    verified: Location, kind: str, at: str | None, messages: tuple[str, ...]
) -> None:
    """A kind, a source or a folder that is not accepted is refused with what is accepted; no file is written."""
    before = written(verified.root)
    with pytest.raises(FoundationError) as raised:
        create_source(verified.root, "shop", kind, at)
    for message in messages:
        assert message in str(raised.value)
    assert written(verified.root) == before


THERE = {
    "the same file": ("rest", "dlthub/shop/sources.yaml"),
    "the test": ("rest", "tests/sources/test_shop.py"),
    "another file of the folder": ("files", "dlthub/shop/definitions.py"),
    "a file instead of the folder": ("rest", "dlthub/shop"),
    "the sample": ("sql", "dlthub/shop/sample.sqlite"),
    "a module of the dlt source": ("dlt:verified/sources/toy", "dlthub/shop/__init__.py"),
}


@pytest.mark.parametrize(("kind", "path"), THERE.values(), ids=THERE)
def test_nothing_is_overwritten(verified: Location, kind: str, path: str) -> None:
    """A file or a folder that exists is named, it is unchanged, and nothing else is written."""
    verified.write(path, "mine")
    before = written(verified.root)
    with pytest.raises(FoundationError, match="is already there; nothing was written"):
        create_source(verified.root, "shop", kind)
    assert written(verified.root) == before


TOYS_YAML = """# yaml-language-server: $schema=../sources.schema.json
# The code of this folder is that of a dlt source, unchanged: docs/how-to/use-dlt-sources.md. To load it:
# 1. Set in .dlt/secrets.toml, .env or the environment:
#      [sources.shop]
#      api_key = "..."  # or SOURCES__SHOP__API_KEY
# 2. Set in .dlt/config.toml, .env or the environment:
#      [sources.shop]
#      colour = "..."  # or SOURCES__SHOP__COLOUR
# 3. Below, set the arguments of each resource that you want, and remove its `enabled: false`.
# 4. `foundation discover shop` lists its tables, `foundation run shop` loads them.
source:
  owners: ["team:data-platform"]
  automation: {cron: "0 6 * * *", timezone: UTC}

resources:
  # Toys and their makers.
  - source: toys
    enabled: false
    # kwargs:
    #   shop: ...  # required, str
    # Optional in kwargs: page_size
    destination: "raw.shop_{table}"
"""


def test_a_dlt_source_is_laid_in(
    verified: Location, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code is unchanged; what `sources.yaml` says to do leads to loaded rows, with the settings that it names."""
    created = create_source(verified.root, "shop", "dlt:verified/sources/toy")
    sources = verified.root / "dlthub/shop/sources.yaml"
    assert sources.read_text("utf-8") == TOYS_YAML
    assert (verified.root / "dlthub/shop/__init__.py").read_text("utf-8") == TOY
    assert created.steps[0].endswith("pip install 'no-such-package~=2.1'")
    assert created.steps[-1] == "`foundation discover shop`"
    assert find_problems("shop") == []
    with pytest.raises(FoundationError, match=r"every source in sources\.yaml has `enabled: false`"):
        list(discover(verified.root, ["shop"]))
    with pytest.raises(FoundationError, match="all of its resources have `enabled: false`"):
        TemporaryWarehouse(tmp_path_factory.mktemp("early")).load("shop")
    text = sources.read_text("utf-8").replace("    enabled: false\n", "").replace("    # kwargs:", "    kwargs:")
    sources.write_text(text.replace("    #   shop: ...", "      shop: corner"), "utf-8")
    assert "run `foundation discover shop`" in find_problems("shop")[0]
    monkeypatch.setenv("SOURCES__SHOP__API_KEY", "the-secret-key")
    monkeypatch.setenv("SOURCES__SHOP__COLOUR", "red")
    list(discover(verified.root, ["shop"]))
    warehouse = TemporaryWarehouse(tmp_path_factory.mktemp("warehouse"))
    warehouse.load("shop")
    expected = {"shop": "corner", "key": "the-secret-key", "colour": "red"}
    assert warehouse.rows("raw.shop_toy") == [{"id": number, **expected} for number in range(3)]


def test_code_that_is_in_the_folder_already(verified: Location) -> None:
    """The folder of the new source itself may be named: its code stays, and `sources.yaml` and the test are added."""
    verified.write("dlthub/shop/__init__.py", TOY)
    created = create_source(verified.root, "shop", "dlt:dlthub/shop")
    paths = [file.relative_to(verified.root).as_posix() for file in created.files]
    assert paths == ["dlthub/shop/sources.yaml", "tests/sources/test_shop.py"]
    assert find_problems("shop") == []


CODE = {
    "a list": ("x: List[str] = dlt.config.value", '#      x = ["..."]  # or SOURCES__SHOP__X'),
    "a sequence": ("x: Sequence[int] = dlt.config.value", '#      x = ["..."]  # or'),
    "an optional text": ("x: Optional[str] = dlt.secrets.value", '#      x = "..."  # optional, or SOURCES__SHOP__X'),
    "text or nothing": ("x: 'str | None' = dlt.secrets.value", '#      x = "..."  # optional, or'),
    "a number": ("x: int = dlt.config.value", "#      x = 0  # or"),
    "a flag": ("x: bool = dlt.config.value", "#      x = true  # or"),
    "a mapping": ("x: Dict[str, str] = dlt.secrets.value", "#      [sources.shop.x]  # Dict[str, str]"),
    "an object": ("x: ShopCredentials = dlt.secrets.value", "#      [sources.shop.x]  # ShopCredentials"),
    "a setting by name only": ("*, x: str = dlt.secrets.value", '#      x = "..."  # or SOURCES__SHOP__X'),
    "no type": ("x", "    #   x: ...  # required\n"),
    "a type": ("x: Union[str, List[str]]", "    #   x: ...  # required, Union[str, List[str]]\n"),
    "by name only": ("*, x: int", "    #   x: ...  # required, int\n"),
    "a default": ("x=None", "    # Optional in kwargs: x\n"),
    "a type over two lines": ("x: 'a\\nb'", "    #   x: ...  # required, 'a\\nb'\n"),
}


@pytest.mark.parametrize(("arguments", "line"), CODE.values(), ids=CODE)
def test_arguments_are_written_down(verified: Location, arguments: str, line: str) -> None:
    """A setting is shown as TOML that fits its type, an argument without a default as one to fill in."""
    verified.write("code/__init__.py", f"import dlt\n\n@dlt.source\ndef shop({arguments}):\n    return []\n")
    create_source(verified.root, "shop", "dlt:code")
    assert line in (verified.root / "dlthub/shop/sources.yaml").read_text("utf-8")
    assert find_problems("shop") == []


SHAPES = {
    "two sources": (
        {"__init__": "@dlt.source\ndef shop_a_source(): ...\n@dlt.source()\ndef b(): ..."},
        ["source: shop_a_source", 'raw.shop_a_{table}"', "source: b", 'raw.shop_b_{table}"'],
    ),
    "one name twice": (
        {"__init__": "@dlt.source\ndef a(): ...\n@dlt.source\ndef a_source(): ..."},
        ['raw.shop_a_{table}"', 'raw.shop_a_source_{table}"'],
    ),
    "one name in two modules": (
        {"__init__": "", "old": "@dlt.source\ndef a(): ...", "new": "@dlt.source\ndef a(): ..."},
        ["source: new.a", 'raw.shop_new_a_{table}"', "source: old.a", 'raw.shop_old_a_{table}"'],
    ),
    "a package inside": (
        {"__init__": "", "v2/__init__": "@dlt.source\ndef a(): ...", "v2/more": "@dlt.source\ndef b(): ..."},
        ["source: v2.a", "source: v2.more.b"],
    ),
    "resources alone": (
        {"__init__": "@dlt.resource\ndef a(n): yield n\n@dlt.resource(name='x')\ndef b(): yield a"},
        ["entry: __init__.a", "destination: raw.shop_a\n", "entry: __init__.b", "`foundation preview shop`"],
    ),
    "a resource beside a source": (
        {"__init__": "@dlt.resource\ndef a(): ...\n@dlt.resource\ndef c(): ...\n@dlt.source\ndef b(): return [a()]"},
        ["source: b", 'destination: "raw.shop_{table}"\n  - entry: __init__.c'],
    ),
    "other names of dlt": (
        {"__init__": "import dlt as d\nfrom dlt import source as s\n@d.source\ndef a(): ...\n@s\ndef b(): ..."},
        ["source: a", "source: b"],
    ),
    "a docstring that is no comment": (
        {"__init__": '@dlt.source\ndef a():\n    "One: {two}\\u2028[three]\\x07 # four."'},
        ["  # One: {two} [three] # four.\n"],
    ),
}


@pytest.mark.parametrize(("modules", "texts"), SHAPES.values(), ids=SHAPES)
def test_each_function_is_named(verified: Location, modules: Mapping[str, str], texts: list[str]) -> None:
    """Each source, and each resource that no source has, is named by a path that finds it, with a table of its own."""
    for module, code in modules.items():
        verified.write(f"code/{module}.py", f"import dlt\n{code}\n")
    create_source(verified.root, "shop", "dlt:code")
    file = verified.root / "dlthub/shop/sources.yaml"
    text = file.read_text("utf-8")
    for part in texts:
        assert part in text
    resources = load_yaml(file).value["resources"]
    assert len({resource["destination"] for resource in resources}) == len(resources)
    for resource in resources:
        several = find_several(resource)
        entry = several.entry if isinstance(several, SourceTables) else resource["entry"]
        assert read_facts(find_entry(file.parent, entry)).line > 1
    assert find_problems("shop") == []


SECTION = '[sources.shop.database]\ndrivername = "sqlite"\ndatabase = "dlthub/shop/sample.sqlite"\n'
CONFIGS = {
    "no file": (None, SECTION),
    "a file": ("[runtime]\nlog_level = 1", f"[runtime]\nlog_level = 1\n\n{SECTION}"),
    "the connection": ("[sources.shop.database]\nhost = 'x'\n", "[sources.shop.database]\nhost = 'x'\n"),
    "an address in its place": ("[sources.shop]\ndatabase = 'x'\n", "[sources.shop]\ndatabase = 'x'\n"),
    "other settings of the source": ("[sources.shop]\nx = 1\n", f"[sources.shop]\nx = 1\n\n{SECTION}"),
}


@pytest.mark.parametrize(("before", "after"), CONFIGS.values(), ids=CONFIGS)
def test_settings_are_added_to_what_is_there(location: Location, before: str | None, after: str) -> None:
    """The section of the sample's connection is added to .dlt/config.toml, unless it has one already."""
    (location.root / "dlthub").mkdir()
    if before is not None:
        location.write(".dlt/config.toml", before)
    created = create_source(location.root, "shop", "sql")
    config = location.root / ".dlt" / "config.toml"
    assert config.read_text("utf-8") == after
    assert (config in created.files) == (before != after)


@pytest.mark.parametrize("before", ["[runtime", "sources = {shop = {x = 1}}\n"], ids=["broken", "closed table"])
def test_settings_that_cannot_be_added_are_named(location: Location, before: str) -> None:
    """If no section can be added to .dlt/config.toml, the section is shown, and nothing is written."""
    location.write(".dlt/config.toml", before)
    location.write("dlthub/.keep", "")
    unchanged = written(location.root)
    with pytest.raises(FoundationError, match=r"(?s)no section can be added.*\[sources\.shop\.database\]"):
        create_source(location.root, "shop", "sql")
    assert written(location.root) == unchanged


def git(*arguments: str) -> None:
    """Runs git in the working directory."""
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(verified: Location, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository of verified sources, from which `dlt init` downloads."""
    folder = verified.root / "verified"
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DLT_DATA_DIR", str(verified.root / "dlt_data"))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    monkeypatch.chdir(verified.root)
    return folder


@pytest.mark.rare
def test_a_name_is_downloaded(verified: Location, repository: Path) -> None:
    """`dlt init` fetches the source by its name from a repository; its code is unchanged."""
    created = create_source(verified.root, "shop", "dlt:toy", str(repository))
    assert (verified.root / "dlthub/shop/__init__.py").read_text("utf-8") == TOY
    assert "no-such-package" in created.steps[0]
    assert find_problems("shop") == []


@pytest.mark.rare
def test_a_name_that_is_not_there(verified: Location, repository: Path) -> None:
    """A name that the repository does not have is refused with the names that it has, the nearest one first."""
    with pytest.raises(FoundationError, match=r"has no source 'toi'; it has .*toy.*Did you mean 'toy'\?"):
        create_source(verified.root, "shop", "dlt:toi", str(repository))
    assert not (verified.root / "dlthub/shop").exists()


@pytest.mark.rare
@pytest.mark.parametrize("location_of", ["https://127.0.0.1:1/x.git", "/nowhere"])
def test_a_repository_that_cannot_be_read(verified: Location, location_of: str) -> None:
    """Without a network the error says why, and how to get the source by hand."""
    with pytest.raises(FoundationError) as raised:
        create_source(verified.root, "shop", "dlt:toy", location_of)
    for text in (f"could not read {location_of}", "git clone https://github.com", "dlt:verified-sources/sources/toy"):
        assert text in str(raised.value)


@pytest.mark.rare
def test_the_kind_is_an_option_or_is_asked_for(location: Location) -> None:
    """`--sql` is short for `--from sql`, two kinds are refused; in a terminal a person is asked, a script is not."""
    (location.root / "dlthub").mkdir()
    new = [FOUNDATION, "new"]
    run = partial(
        subprocess.run, cwd=location.root, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert run([*new, "one", "--sql"]).returncode == 0
    assert (location.root / "dlthub" / "one" / "sample.sqlite").exists()
    refused = run([*new, "two", "--sql", "--from", "rest"])
    assert (refused.returncode, "got rest and sql; a source has one kind" in refused.stderr) == (2, True)
    assert run([*new, "three"]).returncode == 0
    assert (location.root / "dlthub" / "three" / "data.py").exists()
    code, screen = run_in_terminal([*new, "four"], location.root, 100, typed="files\n")
    assert (code, "Where does the data come from?" in " ".join(screen)) == (0, True)
    assert (location.root / "dlthub" / "four" / "sample.csv").exists()


@pytest.mark.parametrize("kind", ["python", "rest"])
@pytest.mark.sampled(2)
def test_a_new_source_names_the_setting_of_its_address(kind: str, location: Location) -> None:
    """No source calls a made-up host: `list` and `preview` name the setting that is missing, at once."""
    (location.root / "dlthub").mkdir()
    create_source(location.root, "shop", kind)
    setting = "SOURCES__SHOP__BASE_URL" if kind == "python" else "SOURCES__SHOP__API__BASE_URL"
    run = partial(subprocess.run, cwd=location.root, capture_output=True, text=True, check=False)
    [listed] = run([FOUNDATION, "list", "--json"]).stdout.splitlines()
    assert json.loads(listed)["missing_settings"] == [setting]
    previewed = run([FOUNDATION, "preview", "shop"])
    assert (previewed.returncode, f"needs {setting}" in previewed.stderr) == (1, True)
