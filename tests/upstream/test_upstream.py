"""Holds `make upstream` to what it says of a newer version; that it installs one is seen where it is run."""

import tomllib

from packaging.requirements import Requirement

from data_foundation.loading.load import Load
from tests.upstream.__main__ import ROOT, compare, raise_bounds
from tests.upstream.hooks import HOOKS, Hook
from tests.upstream.source_text import read_all

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
LOADER = Hook(Load, "Loads rows.", ["dlt.load:run", "dlt.load:stop"], [])


def requirements(pyproject: str) -> list[Requirement]:
    """Every requirement of the project, those of its extras included."""
    project = tomllib.loads(pyproject)["project"]
    return [Requirement(text) for text in sum(project["optional-dependencies"].values(), project["dependencies"])]


def test_what_has_changed_is_shown_with_what_relies_on_it() -> None:
    """A report names the module to look at, and shows the old text and the new one."""
    before = {"dlt.load:run": "def run():\n    return 1\n", "dlt.load:stop": "def stop(): ..."}
    [report] = compare(before, before | {"dlt.load:run": "def run():\n    return 2\n"}, [LOADER])
    assert report.startswith(
        "dlt.load:run has changed\n  data_foundation/loading/load.py: Load relies on it. Loads rows."
    )
    assert report.endswith("-    return 1\n+    return 2")


def test_what_is_installed_does_not_differ_from_itself() -> None:
    """Every hooked name is found, and none differs without a newer version."""
    texts = read_all()
    assert [text for text in texts.values() if text.startswith("gone: ")] == []
    assert compare(texts, read_all(), HOOKS) == []


def test_the_next_minor_version_of_both_is_accepted_and_of_nothing_else() -> None:
    """The step beyond pyproject.toml changes the bounds of dlt and of Dagster's packages."""
    pairs = zip(requirements(PYPROJECT), requirements(raise_bounds(PYPROJECT)), strict=True)
    raised = {before.name: str(after.specifier) for before, after in pairs if before != after}
    assert raised.keys() == {"dlt", "dagster", "dagster-webserver", "dagster-dlt", "dagster-dbt"}
    assert raised["dlt"] == "<1.33,>=1.31"
    assert raised["dagster"] == "<1.15,>=1.13.27"
