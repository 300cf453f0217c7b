"""Tests of packages that the code of a source imports and that are not installed."""

import pytest
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.errors import LoadError
from data_foundation.project.entry_text.missing_packages import find_missing_packages
from tests.support.trees import Tree

CODE = {
    "at the top": ("import no_such_pkg.part as p", 1),
    "from": ("import os\nfrom no_such_pkg.part import name", 2),
    "in a function": ("def get_rows():\n    import no_such_pkg\n    yield {}", 2),
    "in a method": ("class A:\n    def f(self):\n        with open('x'):\n            import no_such_pkg", 4),
    "in a try": ("try:\n    import no_such_pkg\nfinally:\n    pass", 2),
    "at runtime only": (
        "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    pass\nelse:\n    import no_such_pkg", 5,
    ),
    "caught": ("try:\n    import no_such_pkg\nexcept ImportError:\n    no_such_pkg = None", None),
    "caught with others": ("try:\n    import no_such_pkg\nexcept (ModuleNotFoundError, OSError):\n    pass", None),
    "for types": ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import no_such_pkg", None),
    "of the folder": ("from . import helpers\nfrom .no_such_pkg import name", None),
    "of another folder": ("from dlthub.crm.data import rows\nfrom shop.data import rows", None),
    "installed": ("import json, dlt\nfrom os import path\nimport __future__, sys", None),
    "no Python": ("import no_such_pkg\n(", None),
}  # fmt: skip


@pytest.mark.parametrize(("code", "line"), CODE.values(), ids=CODE)
def test_a_missing_package_is_found_in_the_text(tree: Tree, code: str, line: int | None) -> None:
    """The line of its first import is found; an import that need not succeed is none."""
    folder = tree.add("shop", "resources: []", code)
    found = {name: place.line for name, place in find_missing_packages(folder).items()}
    assert found == ({} if line is None else {"no_such_pkg": line})


def test_check_names_a_missing_package_and_the_other_sources_stay_valid(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`foundation check` succeeds with a warning, and a load of the resource fails with the name of the package."""
    declared = "resources: [{{entry: data.get_rows, destination: raw.{}}}]"
    tree.add("open", declared.format("passengers"), "def get_rows():\n    import no_such_pkg\n    yield {}\n")
    tree.add("shop", declared.format("orders"))
    monkeypatch.chdir(tree.root)
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 0
    warning = "warning open/data.py:2 imports no_such_pkg, which is not installed; until it is, what needs it cannot"
    assert warning in result.output
    assert "2 sources with 2 resources are valid" in result.output
    with pytest.raises(
        LoadError, match=r"No module named 'no_such_pkg'\n  Hint: .* install the package that has no_su"
    ):
        tree.load("open.passengers")
    tree.give("shop", [{"id": 1}])
    assert tree.load("shop.orders").rows == 1
