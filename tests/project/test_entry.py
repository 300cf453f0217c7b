"""Tests of entry paths: found without an import, and imported under a private name."""

import sys
from pathlib import Path

import pytest

from data_foundation.errors import EntryError
from data_foundation.project.entry import check_arguments, find_entry, import_entry, read_facts

DATA = '''
import dlt

def get_rows(repo, since=None, *, page_size=100):
    """Rows.

    More.
    """
    yield repo

@dlt.resource
def decorated(repo):
    yield repo

@dlt.transformer(data_from=decorated)
def piped(item):
    yield item

def wrap(function):
    return lambda: function(1)

@wrap
def wrapped(repo):
    yield repo

def resourceful(function):
    return lambda: function(1)

@resourceful
def looks_like_dlt(repo):
    yield repo

anonymous = lambda: []
first, second = get_rows, decorated

if True:
    def in_if(): yield 1
try:
    from nowhere import in_try
except ImportError:
    def in_try(): yield 1
for _ in "a":
    def in_for(): yield 1

class Api:
    @staticmethod
    def get(): yield 1

listed = [get_rows]
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source folder named github."""
    folder = tmp_path / "github"
    (folder / "deep").mkdir(parents=True)
    (folder / "data.py").write_text(DATA, encoding="utf-8")
    (folder / "deep" / "more.py").write_text("def get(): yield 1\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("entry", "file", "attributes", "index"),
    [
        ("data.get_rows", "data.py", ("get_rows",), None),
        ("github.data.get_rows", "data.py", ("get_rows",), None),
        ("dlthub.github.data.get_rows", "data.py", ("get_rows",), None),
        ("deep.more.get", "deep/more.py", ("get",), None),
        ("data.Api.get", "data.py", ("Api", "get"), None),
        ("data.listed[0]", "data.py", ("listed",), 0),
    ],
)
def test_an_entry_of_the_folder(
    folder: Path, entry: str, file: str, attributes: tuple[str, ...], index: int | None
) -> None:
    """The folder's name before the entry is optional; installed packages of the same name do not matter."""
    place = find_entry(folder, entry)
    assert (place.folder, place.file, place.attributes, place.index) == (folder, folder / file, attributes, index)


def test_a_folder_named_like_its_module(tmp_path: Path) -> None:
    """In a folder named `data`, `data.get_rows` is the function of data.py."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "data.py").write_text(DATA, encoding="utf-8")
    assert (
        find_entry(folder, "data.get_rows").file == find_entry(folder, "data.data.get_rows").file == folder / "data.py"
    )


@pytest.mark.parametrize("entry", ["json.loads", "dlt.sources.sql_database.sql_table", "requests.get", "math.sqrt"])
def test_an_entry_that_is_installed(folder: Path, entry: str) -> None:
    """Any importable dotted path is accepted; a compiled module has no source text to read."""
    place = find_entry(folder, entry)
    assert place.folder is None
    assert read_facts(place)
    assert callable(import_entry(place))


def test_finding_imports_nothing(folder: Path) -> None:
    """Neither the folder nor the package of an installed entry is imported."""
    before = set(sys.modules)
    read_facts(find_entry(folder, "data.get_rows"))
    read_facts(find_entry(folder, "xml.dom.minidom.parse"))
    assert set(sys.modules) - before <= {"xml"}


def test_line_docstring_and_signature_are_read(folder: Path) -> None:
    """Line, docstring and signature are read from the source text."""
    facts = read_facts(find_entry(folder, "data.get_rows"))
    assert (facts.line, facts.docstring) == (4, "Rows.\n\nMore.")
    assert str(facts.signature) == "(repo, since=..., *, page_size=...)"


@pytest.mark.parametrize(
    "name",
    ["piped", "wrapped", "looks_like_dlt", "anonymous", "first", "second", "Api.get", "in_if", "in_try", "in_for"],
)
def test_an_entry_that_text_cannot_resolve_is_accepted(folder: Path, name: str) -> None:
    """A foreign decorator, a lambda, an alias, a method or a conditional definition is accepted without a check."""
    facts = read_facts(find_entry(folder, f"data.{name}"))
    assert check_arguments(facts, (), {}, takes_item=False) is None


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "message"),
    [
        ("get_rows", ("a",), {}, None),
        ("get_rows", ("a", "b"), {"page_size": 1}, None),
        ("get_rows", (), {}, "missing a required argument: 'repo'"),
        ("get_rows", ("a", "b", "c"), {}, "too many positional arguments"),
        ("get_rows", ("a",), {"repo": "b"}, "multiple values for argument 'repo'"),
        ("get_rows", ("a",), {"until": 1}, "got an unexpected keyword argument 'until'"),
        ("decorated", (), {}, "missing a required argument: 'repo'"),
    ],
)
def test_arguments_are_checked_against_the_signature(
    folder: Path, name: str, args: tuple[str, ...], kwargs: dict[str, object], message: str | None
) -> None:
    """Arguments are checked as Python would, with the signature in the message; dlt's decorators keep the signature."""
    misfit = check_arguments(read_facts(find_entry(folder, f"data.{name}")), args, kwargs, takes_item=False)
    assert (misfit is None) if message is None else message in str(misfit)


def test_a_transformer_takes_its_item_from_its_parent(folder: Path) -> None:
    """The first argument of a transformer comes from its parent, not from the configuration."""
    facts = read_facts(find_entry(folder, "data.get_rows"))
    assert check_arguments(facts, (), {}, takes_item=True) is None
    assert "too many" in str(check_arguments(facts, ("a", "b"), {}, takes_item=True))


def test_a_changed_file_is_imported_again(folder: Path) -> None:
    """A code location that reloads imports edited files again; the import adds no public name to sys.modules."""
    assert next(import_entry(find_entry(folder, "deep.more.get"))()) == 1
    (folder / "deep" / "more.py").write_text("def get(): yield 'two'\n", encoding="utf-8")
    assert next(import_entry(find_entry(folder, "deep.more.get"))()) == "two"
    assert "github" not in sys.modules


def test_an_index_beyond_the_list_is_an_error(folder: Path) -> None:
    """The error names the file."""
    with pytest.raises(EntryError, match=r"data.py: list index out of range"):
        import_entry(find_entry(folder, "data.listed[7]"))
