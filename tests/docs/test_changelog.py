"""Tests that the changelog has the format of Keep a Changelog, and contains the version that is built."""

import re
import tomllib
from datetime import date

from tests.docs.pages import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
RELEASES = re.findall(r"^## \[([^\]]+)\](?: - (\S+))?$", CHANGELOG, re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_releases_are_listed_newest_first_with_their_day() -> None:
    """Every section is a version with a date, or Unreleased on top."""
    assert re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE) == [
        f"[{v}]" + (f" - {d}" if d else "") for v, d in RELEASES
    ]
    dated = [(version, date.fromisoformat(day)) for version, day in RELEASES if version != "Unreleased"]
    versions = [tuple(map(int, version.split("."))) for version, _ in dated]
    assert versions == sorted(versions, reverse=True)
    assert [day for _, day in dated] == sorted((day for _, day in dated), reverse=True)


def test_changes_are_sorted_by_kind() -> None:
    """The sections of a version are the kinds of change that Keep a Changelog defines."""
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= KINDS


def test_what_users_have_to_do_is_found_first() -> None:
    """The newest section begins with the list of what an upgrade needs, and no such line hides among the changes."""
    section = CHANGELOG.split("\n## ")[1]
    upgrade, _, changes = section.partition("\n### ")
    assert re.search(r"^\*\*Upgrade\*\* from \d+\.\d+\.\d+", upgrade, re.MULTILINE)
    assert re.search(r"^1\. ", upgrade, re.MULTILINE)
    assert not re.search(r"^\W*Upgrade\W*:", changes, re.MULTILINE)


def test_the_version_is_released_or_about_to_be() -> None:
    """The version in pyproject.toml is the newest release, or the one that Unreleased will become."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    newest = next(release for release, _ in RELEASES if release != "Unreleased")
    is_newer = tuple(map(int, version.split("."))) > tuple(map(int, newest.split(".")))
    assert version == newest or (is_newer and RELEASES[0][0] == "Unreleased")
