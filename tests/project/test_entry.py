"""Holds entry paths to being found without an import, and imported under a private name."""

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
    """A source folder called github."""
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
    """With or without the folder's name before it, whatever else of that name is installed."""
    place = find_entry(folder, entry)
    assert (place.folder, place.file, place.attributes, place.index) == (folder, folder / file, attributes, index)


def test_a_folder_named_like_its_module(tmp_path: Path) -> None:
    """In a folder called `data`, `data.get_rows` is still data.py's."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "data.py").write_text(DATA, encoding="utf-8")
    assert (
        find_entry(folder, "data.get_rows").file == find_entry(folder, "data.data.get_rows").file == folder / "data.py"
    )


@pytest.mark.parametrize("entry", ["json.loads", "dlt.sources.sql_database.sql_table", "requests.get", "math.sqrt"])
def test_an_entry_that_is_installed(folder: Path, entry: str) -> None:
    """Any importable dotted path; compiled modules have no text to read."""
    place = find_entry(folder, entry)
    assert place.folder is None
    assert read_facts(place)
    assert callable(import_entry(place))


def test_finding_imports_nothing(folder: Path) -> None:
    """Neither the folder nor the package that holds an installed entry is imported."""
    before = set(sys.modules)
    read_facts(find_entry(folder, "data.get_rows"))
    read_facts(find_entry(folder, "xml.dom.minidom.parse"))
    assert set(sys.modules) - before <= {"xml"}


def test_what_the_text_says(folder: Path) -> None:
    """Line, docstring and signature."""
    facts = read_facts(find_entry(folder, "data.get_rows"))
    assert (facts.line, facts.docstring) == (4, "Rows.\n\nMore.")
    assert str(facts.signature) == "(repo, since=..., *, page_size=...)"


@pytest.mark.parametrize(
    "name",
    ["piped", "wrapped", "looks_like_dlt", "anonymous", "first", "second", "Api.get", "in_if", "in_try", "in_for"],
)
def test_where_text_cannot_tell_nothing_is_refused(folder: Path, name: str) -> None:
    """A decorator of somebody else's, a lambda, an alias, a method, a name bound in a block: found, and not judged."""
    facts = read_facts(find_entry(folder, f"data.{name}"))
    assert check_arguments(facts, (), {}, takes_item=False) is None


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "said"),
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
def test_arguments_are_held_to_the_signature(
    folder: Path, name: str, args: tuple[str, ...], kwargs: dict[str, object], said: str | None
) -> None:
    """As Python would, with the signature in the message; dlt's own decorators keep it."""
    misfit = check_arguments(read_facts(find_entry(folder, f"data.{name}")), args, kwargs, takes_item=False)
    assert (misfit is None) if said is None else said in str(misfit)


def test_a_transformer_is_given_its_item(folder: Path) -> None:
    """Its first argument comes from the parent, not from the configuration."""
    facts = read_facts(find_entry(folder, "data.get_rows"))
    assert check_arguments(facts, (), {}, takes_item=True) is None
    assert "too many" in str(check_arguments(facts, ("a", "b"), {}, takes_item=True))


def test_a_changed_file_is_imported_anew(folder: Path) -> None:
    """A code location that reloads sees what was edited; an import leaves no public name behind."""
    assert next(import_entry(find_entry(folder, "deep.more.get"))()) == 1
    (folder / "deep" / "more.py").write_text("def get(): yield 'two'\n", encoding="utf-8")
    assert next(import_entry(find_entry(folder, "deep.more.get"))()) == "two"
    assert "github" not in sys.modules


def test_an_index_beyond_the_list(folder: Path) -> None:
    """Told with the file."""
    with pytest.raises(EntryError, match=r"data.py: list index out of range"):
        import_entry(find_entry(folder, "data.listed[7]"))
