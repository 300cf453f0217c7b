"""Settings of dlt sources: they are found at every level that dlt has, under the name of the folder."""

from __future__ import annotations

import pytest

from data_foundation.errors import SettingMissing
from data_foundation.project.discovery.discover import discover
from tests.support.trees import Tree

CODE = """
import dlt


@dlt.resource
def outside(token: str = dlt.secrets.value):
    yield {"token": token}


@dlt.source
def shop(region: str = dlt.config.value):
    @dlt.resource
    def inside(page_size: int = dlt.config.value):
        yield {"size": page_size}

    @dlt.resource
    def of_source():
        yield {"region": region}

    return of_source, inside, outside


def plain(region: str = dlt.config.value):
    return [dlt.resource([{"region": region}], name="of_source")]
"""
VALUES = {"REGION": "eu", "PAGE_SIZE": "7", "TOKEN": "s3cret-t0ken"}
SETTINGS = {"of_source": "REGION", "inside": "PAGE_SIZE", "outside": "TOKEN"}
OWNERS = {"of_source": "SHOP", "inside": "INSIDE", "outside": "OUTSIDE"}
"""By resource: its setting, and the name of what takes it."""

CASES = [
    pytest.param(module, resource, f"{level}{SETTINGS[resource]}", id=f"{module}-{level}{SETTINGS[resource]}")
    for module in ("data.py", "__init__.py")
    for resource, owner in OWNERS.items()
    for level in (f"SOURCES__V__{owner}__", "SOURCES__V__", "SOURCES__", "")
]
ALL = "select columns(c -> not starts_with(c, '_dlt')) from raw.t"


def lay_in(tree: Tree, module: str, resource: str, entry: str = "shop") -> None:
    """Writes the source into one module of the folder `v`."""
    folder = tree.add("v", f"resources: [{{entry: {entry}, resource: {resource}, destination: raw.t}}]", "")
    (folder / "data.py").unlink()
    (folder / module).write_text(CODE)


@pytest.mark.sampled(7)
@pytest.mark.parametrize(("module", "resource", "variable"), CASES)
def test_a_setting_is_found_at_every_level(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, module: str, resource: str, variable: str
) -> None:
    """Of the source, of a resource inside of it, and of one outside of it."""
    lay_in(tree, module, resource)
    if resource != "of_source":
        monkeypatch.setenv("SOURCES__V__REGION", "for the source alone")
    monkeypatch.setenv(variable, VALUES[SETTINGS[resource]])
    tree.load("v.t")
    assert [str(one) for one in tree.query(ALL)] == [VALUES[SETTINGS[resource]]]


@pytest.mark.parametrize("module", ["data.py", "__init__.py"])
@pytest.mark.parametrize(("resource", "entry"), [*((name, "shop") for name in SETTINGS), ("of_source", "plain")])
def test_a_missing_setting_is_named_by_a_key_that_works(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, module: str, resource: str, entry: str
) -> None:
    """The name in the error is one that the load finds when it is set."""
    lay_in(tree, module, resource, entry)
    if resource != "of_source":
        monkeypatch.setenv("SOURCES__V__REGION", "eu")
    with pytest.raises(SettingMissing) as missing:
        tree.load("v.t")
    [wanted] = missing.value.settings
    assert wanted == f"SOURCES__V__{SETTINGS[resource]}"
    monkeypatch.setenv(wanted, VALUES[SETTINGS[resource]])
    assert tree.load("v.t").rows == 1


def test_discovery_names_a_missing_setting(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building a source needs its own settings, not those of its resources."""
    lay_in(tree, "data.py", "of_source")
    tree.write("dlthub/v/sources.yaml", "resources: [{source: shop, destination: 'raw.{table}'}]")
    with pytest.raises(SettingMissing, match="SOURCES__V__REGION"):
        list(discover(tree.root, ["v"]))
    monkeypatch.setenv("SOURCES__V__REGION", "eu")
    assert [one.new for one in discover(tree.root, ["v"])] == [("inside", "of_source", "outside")]
