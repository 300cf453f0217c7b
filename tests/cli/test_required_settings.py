"""The settings that `foundation list` reports: those that an entry takes, and no others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from data_foundation.cli.required_settings import find_settings
from data_foundation.project.find_sources import find_sources
from tests.support.trees import Tree

HEAD = "import dlt\nfrom typing import Any, Optional\n\n"
SHOP = """
@dlt.source
def shop(token=dlt.secrets.value, region: Optional[str] = dlt.config.value):
    return orders(), inner()

def inner():
    @dlt.resource
    def items(page_size=dlt.config.value):
        yield {"n": 1}
    return items

@dlt.resource
def orders(api_url: str = dlt.config.value):
    yield {"n": 1}

@dlt.source
def other(password=dlt.secrets.value):
    return orders()

NAMED = dlt.resource(orders, name="named")
"""


@pytest.mark.parametrize(
    ("entry", "given", "needs", "optional"),
    [
        ("orders", "", ["API_URL"], []),
        ("other", "", ["API_URL", "PASSWORD"], []),
        ("shop", "", ["API_URL", "PAGE_SIZE", "TOKEN"], ["REGION"]),
        ("shop", "kwargs: {token: t}", ["API_URL", "PAGE_SIZE"], ["REGION"]),
        ("shop", "args: [t, eu]", ["API_URL", "PAGE_SIZE"], []),
        ("NAMED", "", ["API_URL"], []),
    ],
    ids=["a function", "of what it names", "of what it holds", "a keyword", "by position", "a variable"],
)
def test_settings_are_those_that_the_entry_takes(
    tree: Tree, entry: str, given: str, needs: Sequence[str], optional: Sequence[str]
) -> None:
    """Arguments of other functions of the file, and those with a value in sources.yaml, are not among them."""
    given = f", {given}" if given else ""
    tree.add("s", f"resources: [{{entry: data.{entry}, resource: x, destination: raw.t{given}}}]", HEAD + SHOP)
    [source], _ = find_sources(tree.root)
    found = find_settings(source, {})
    assert [one.name for one in found if one.required] == [f"SOURCES__S__{name}" for name in needs]
    assert [one.name for one in found if not one.required] == [f"SOURCES__S__{name}" for name in optional]


@pytest.mark.parametrize(
    ("variable", "is_set"),
    [
        ("SOURCES__S__TOKEN", True),
        ("SOURCES__S__SHOP__TOKEN", True),
        ("SOURCES__S__TOKEN__VALUE", True),
        ("SOURCES__TOKEN", True),
        ("TOKEN", True),
        ("SOURCES__S__OTHER__TOKEN", False),
        ("SOURCES__S__TOKENS", False),
    ],
)
def test_a_setting_is_set_wherever_dlt_looks_for_it(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, variable: str, *, is_set: bool
) -> None:
    """At every level of sections, and field by field."""
    code = HEAD + "@dlt.resource\ndef shop(token=dlt.secrets.value):\n    yield {}\n"
    tree.add("s", "resources: [{entry: data.shop, destination: raw.t}]", code)
    [source], _ = find_sources(tree.root)
    monkeypatch.setenv(variable, "t")
    assert [one.is_set for one in find_settings(source, {variable: "t"})] == [is_set]
