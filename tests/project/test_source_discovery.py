"""`foundation discover` of a dlt source: what it writes, refuses and notices, without rows and secrets."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.errors import EntryError, FoundationError, SettingMissing
from data_foundation.project.discovery.discover import discover
from data_foundation.project.entry import find_entry, import_entry
from tests.support.source_folders import CODE, declare, names
from tests.support.trees import Tree

NO_SOURCES = {
    "a generator": ("source: get_rows", "is a generator, and `source` or `resource` needs a dlt source"),
    "nothing": ("source: nothing", "data.py has no 'nothing'; it has: shop, get_rows"),
}


@pytest.mark.parametrize(("source", "message"), NO_SOURCES.values(), ids=NO_SOURCES)
def test_discovery_refuses_what_is_no_source(tree: Tree, source: str, message: str) -> None:
    """The error names what the entry is instead."""
    declare(tree, source=source)
    with pytest.raises(EntryError, match=message):
        list(discover(tree.root, ["s"]))


def test_a_missing_setting_is_named_by_a_key_that_works(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named by a variable of the environment, which then is found."""
    code = CODE.replace("prefix: str", "prefix: str = dlt.config.value, other: str").replace("shops = shop(3)", "")
    declare(tree, code=code)
    with pytest.raises(SettingMissing, match="needs SOURCES__S__PREFIX") as missing:
        list(discover(tree.root, []))
    (name,) = missing.value.settings
    monkeypatch.setenv(name, "from the environment")
    list(discover(tree.root, []))
    tree.load("s.s_orders")
    assert set(tree.query("SELECT name FROM raw.s_orders")) == {"from the environment"}


def test_a_changed_source_is_noticed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` names the files that changed; a load of a resource that is gone says so; discovery names what changed."""
    folder = declare(tree)
    list(discover(tree.root, []))
    monkeypatch.chdir(tree.root)
    assert "since discovery" not in CliRunner().invoke(app, ["check"]).output
    declare(tree, code=CODE.replace("tmp_drafts", "drafts").replace('primary_key="id"', 'primary_key="name"'))
    (folder / "helpers.py").write_text("")
    said = CliRunner().invoke(app, ["check"])
    assert said.exit_code == 0
    assert "data.py has changed, helpers.py is new since discovery; `foundation discover s`" in " ".join(
        said.output.split()
    )
    with pytest.raises(EntryError, match=r"no resource 'tmp_drafts'.*mean 'drafts'.*`foundation discover s`"):
        tree.load("s.s_tmp_drafts")
    (found,) = discover(tree.root, [])
    assert (found.new, found.gone, found.changed) == (("drafts",), ("tmp_drafts",), ("orders",))


def test_keys_of_a_class_of_their_own_are_text(tree: Tree) -> None:
    """Names of SQLAlchemy's class are written as text."""
    code = """
import dlt
from sqlalchemy.sql.elements import quoted_name


@dlt.source
def shop():
    return [dlt.resource([{"id": 1}], name="t", primary_key=[quoted_name("id", None)])]
"""
    folder = declare(tree, code=code)
    list(discover(tree.root, []))
    assert "primary_key: [id]" in (folder / "discovered.yaml").read_text()


def test_a_source_that_fails_hides_no_other_and_no_secret(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names file and cause without the secret; other folders are discovered."""
    monkeypatch.setenv("SOURCES__S__TOKEN", "s3cret-of-the-shop")
    code = """
import dlt


@dlt.source
def shop(token: str = dlt.secrets.value):
    raise ValueError("401 for https://api.test/tables?api_key=" + token)
"""
    declare(tree, code=code)
    tree.add("z", "resources: [{source: shop, destination: 'raw.z_{table}'}]", CODE)
    found: list[object] = []
    with pytest.raises(EntryError, match=r"data\.py: building the source failed: ValueError: 401") as failed:
        found.extend(discover(tree.root, []))
    assert "s3cret-of-the-shop" not in str(failed.value)
    assert names(tree.root / "dlthub" / "z") == ["raw.z_orders", "raw.z_tmp_drafts"]


MIXED = """
import dlt

PAGES = []


def rows():
    for page in range(3):
        PAGES.append(page)
        yield {"page": page}


def pages():
    yield from rows()


@dlt.resource
def one():
    yield from rows()


def half():
    return [dlt.resource([{"id": 1}], name="t"), {"id": 2}]
"""


@pytest.mark.parametrize("name", ["pages", "one", "half"])
def test_rows_are_no_source_and_are_not_read(tree: Tree, name: str) -> None:
    """A generator of rows, a resource, and a list that also has rows are refused; of rows at most one is read."""
    folder = declare(tree, code=MIXED, source=f"source: {name}")
    with pytest.raises(EntryError, match="needs a dlt source or a list of dlt resources"):
        list(discover(tree.root, ["s"]))
    place = find_entry(folder, "data.PAGES")
    assert len(import_entry(place)) <= 1


@pytest.mark.parametrize("decorator", ["", "@dlt.source"])
def test_two_resources_of_one_name_are_refused(tree: Tree, decorator: str) -> None:
    """In a list as in a source: the rows of one would be lost without a word."""
    two = 'dlt.resource([{"id": 1}], name="t"), dlt.resource([{"id": 2}], name="t")'
    declare(tree, code=f"import dlt\n\n\n{decorator}\ndef shop():\n    return [{two}]\n")
    with pytest.raises(EntryError, match=r"resources with the( same)? name"):
        list(discover(tree.root, ["s"]))


def test_a_disabled_source_is_left_as_it_is_known(tree: Tree) -> None:
    """Discovery runs no code of a resource with `enabled: false`, keeps its tables, and says so if every one has it."""
    declare(tree)
    list(discover(tree.root, ["s"]))
    known = (tree.root / "dlthub/s/discovered.yaml").read_text("utf-8")
    other = "  - source: shops\n    destination: raw.t_{table}\n"
    declare(tree, f"    kwargs: {{size: oops}}\n    enabled: false\n{other}")
    assert [str(found) for found in discover(tree.root, ["s"])] == [
        "s: raw.t_{table}: 3 tables; new: orders, pages, tmp_drafts"
    ]
    now = (tree.root / "dlthub/s/discovered.yaml").read_text("utf-8")
    assert known[known.index("raw.s_{table}") : known.index("code:")] in now
    declare(tree, "    enabled: false\n")
    with pytest.raises(FoundationError, match=r"s: every source in sources\.yaml has `enabled: false`"):
        list(discover(tree.root, ["s"]))
    assert list(discover(tree.root, [])) == []
