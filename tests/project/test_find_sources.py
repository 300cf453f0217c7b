"""Tests of the search for sources below `dlthub/`."""

from pathlib import Path

import pytest

from data_foundation.errors import Problem
from data_foundation.project.find_sources import BrokenSource, find_sources
from data_foundation.project.source import SourceConfig, load_source_config
from tests.support.locations import Location


def test_sources_come_in_order_of_their_names(location: Location) -> None:
    """The order does not depend on the file system."""
    for name in ("b", "a", "C"):
        location.add(name)
    assert [source.config.name for source in find_sources(location.root)[0]] == ["C", "a", "b"]


def test_a_repository_without_sources(tmp_path: Path) -> None:
    """A repository without `dlthub/` has no sources."""
    assert find_sources(tmp_path) == ([], [])


def test_every_resource_is_found_with_its_entry(location: Location) -> None:
    """Resources are in the order of the file, with the line and the docstring of their function."""
    location.add(
        "shop",
        "resources: [{entry: data.b, destination: raw.b}, {entry: data.a, destination: raw.a}]",
        "def a():\n    'A.'\n    yield 1\ndef b():\n    'B.'\n    yield 1\n",
    )
    [source] = find_sources(location.root)[0]
    assert [(entry.facts.docstring, entry.facts.line) for entry in source.entries] == [("B.", 4), ("A.", 1)]


def test_a_linked_folder_is_a_source(location: Location, tmp_path: Path) -> None:
    """A folder may be a link; a broken link is ignored."""
    folder = location.add("shop").rename(tmp_path / "elsewhere")
    (location.root / "dlthub" / "shop").symlink_to(folder)
    (location.root / "dlthub" / "gone").symlink_to(tmp_path / "nowhere")
    found, broken = find_sources(location.root)
    assert ([source.config.name for source in found], broken) == (["shop"], [])


def test_an_unexpected_exception_breaks_one_folder(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception breaks its own folder only."""
    location.add("healthy")
    location.add("odd")

    def stumble(folder: Path) -> SourceConfig:
        if folder.name == "odd":
            raise PermissionError(13, "Permission denied")
        return load_source_config(folder)

    monkeypatch.setattr("data_foundation.project.find_sources.load_source_config", stumble)
    found, broken = find_sources(location.root)
    assert [source.config.name for source in found] == ["healthy"]
    assert broken == [
        BrokenSource(
            location.root / "dlthub" / "odd",
            (
                Problem(
                    location.root / "dlthub" / "odd", "cannot be read: PermissionError: [Errno 13] Permission denied"
                ),
            ),
        )
    ]
