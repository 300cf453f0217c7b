"""Tests that requirements.lock agrees with pyproject.toml, without the network."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def _pins(lock: str) -> Iterator[Requirement]:
    for line in lock.splitlines():
        if line and not line.startswith((" ", "#")):
            yield Requirement(line)


def _asked() -> Iterator[Requirement]:
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        yield from (wanted for wanted in map(Requirement, group) if wanted.name != PROJECT["name"])


@pytest.mark.parametrize("wanted", list(_asked()), ids=str)
def test_the_lock_pins_a_version_that_the_project_accepts(wanted: Requirement) -> None:
    """This test fails if pyproject.toml was edited without `make lock`, before a user's installation would."""
    pins = [pin for pin in _pins(LOCK) if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]
    versions = [specifier.version for pin in pins for specifier in pin.specifier]
    assert versions, f"{wanted} is not in requirements.lock: make lock"
    assert [version for version in versions if version not in wanted.specifier] == []


def test_the_lock_is_exact_and_names_no_index() -> None:
    """The lock has exact versions and names no index, so it works with any configured index."""
    loose = [str(pin) for pin in _pins(LOCK) if [s.operator for s in pin.specifier] != ["=="] or pin.url]
    assert loose == []
    assert "://" not in LOCK
    assert "--index" not in LOCK.replace("--no-emit-index-url", "")
