"""Tests of `make upstream` without newer versions."""

import tomllib

from packaging.requirements import Requirement

from data_foundation.loading.load import Load
from tests.upstream.__main__ import ROOT, compare, raise_bounds
from tests.upstream.hooks import HOOKS, Hook
from tests.upstream.source_text import read_all

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
LOADER = Hook(Load, "Loads rows.", ["dlt.load:run", "dlt.load:stop"], [])


def requirements(pyproject: str) -> list[Requirement]:
    """Returns every requirement of the project, including its extras."""
    project = tomllib.loads(pyproject)["project"]
    return [Requirement(text) for text in sum(project["optional-dependencies"].values(), project["dependencies"])]


def test_a_changed_text_is_shown_with_the_hooks_that_use_it() -> None:
    """A report names the module to read again, and shows the old and the new text."""
    before = {"dlt.load:run": "def run():\n    return 1\n", "dlt.load:stop": "def stop(): ..."}
    [report] = compare(before, before | {"dlt.load:run": "def run():\n    return 2\n"}, [LOADER])
    assert report.startswith(
        "dlt.load:run has changed\n  data_foundation/loading/load.py: Load relies on it. Loads rows."
    )
    assert report.endswith("-    return 1\n+    return 2")


def test_the_installed_versions_do_not_differ_from_themselves() -> None:
    """Every hooked name is found, and none differs if the versions are the same."""
    texts = read_all()
    assert [text for text in texts.values() if text.startswith("gone: ")] == []
    assert compare(texts, read_all(), HOOKS) == []


def test_only_bounds_of_dlt_and_dagster_are_raised() -> None:
    """The second step raises the bounds of dlt and of Dagster's packages only."""
    pairs = zip(requirements(PYPROJECT), requirements(raise_bounds(PYPROJECT)), strict=True)
    raised = {before.name: str(after.specifier) for before, after in pairs if before != after}
    assert raised.keys() == {
        "dlt", "dagster", "dagster-webserver", "dagster-dlt", "dagster-dbt", "dagster-dg-cli", "dagster-postgres",
        "dagster-celery", "dagster-k8s",
    }  # fmt: skip
    assert raised["dlt"] == "<1.33,>=1.31"
    assert raised["dagster"] == "<1.15,>=1.13.27"
