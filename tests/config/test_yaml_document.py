"""YAML documents: plain values, and the line of each value."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from data_foundation.config.yaml_document import format_path, load_yaml
from data_foundation.errors import ConfigError

TEXT = """\
# A comment.
source: &defaults
  owners: [a, b]
resources:
  - <<: *defaults
    entry: data.get_rows
    columns:
      id:
        data_type: bigint
  - {entry: x,
     destination: y}
7: seven
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that contains `TEXT`."""
    file = tmp_path / "sources.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_the_value_is_plain_data(file: Path) -> None:
    """Anchors, aliases and merge keys are expanded."""
    value = load_yaml(file).value
    assert value["resources"][0]["owners"] == ["a", "b"]
    assert value["resources"][1] == {"entry": "x", "destination": "y"}
    assert value[7] == "seven"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("source",), 2),
        (("source", "owners", 1), 3),
        (("resources",), 4),
        (("resources", 0), 5),
        (("resources", 0, "entry"), 6),
        (("resources", 0, "columns", "id", "data_type"), 9),
        (("resources", 1, "destination"), 11),
        ((7,), 12),
        (("resources", 0, "owners"), 3),
        (("resources", 9), 4),
        (("nothing", "here"), 1),
    ],
    ids=lambda path: format_path(path) if isinstance(path, tuple) else None,
)
def test_every_value_has_its_line(file: Path, path: tuple[str | int, ...], line: int) -> None:
    """A merged value has the line of its anchor; a missing path has the line of its nearest ancestor."""
    assert load_yaml(file).line(path) == line


def test_a_path_is_formatted_with_dots_and_brackets() -> None:
    """Keys are joined by dots, positions are in brackets."""
    assert format_path(("resources", 0, "columns", "id")) == "resources[0].columns.id"


def test_an_empty_file_has_no_value(tmp_path: Path) -> None:
    """The value is None, and every path has line 1."""
    (tmp_path / "x.yaml").write_bytes(b"")
    document = load_yaml(tmp_path / "x.yaml")
    assert (document.value, document.line(("a",))) == (None, 1)


def test_all_duplicate_keys_are_reported_at_once(tmp_path: Path) -> None:
    """Duplicate keys at every level are reported together, each with its line."""
    (tmp_path / "x.yaml").write_text("a: 1\nb: {c: 1,\n  c: 2}\na: 2\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_yaml(tmp_path / "x.yaml")
    assert sorted((problem.line, problem.field) for problem in caught.value.problems) == [(3, "b.c"), (4, "a")]


@pytest.mark.parametrize("sign", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_an_error_and_not_a_crash(tmp_path: Path, sign: str) -> None:
    """A hundred thousand levels raise a ConfigError; libyaml's composer would overflow the stack."""
    (tmp_path / "x.yaml").write_text(sign * 100_000, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_yaml(tmp_path / "x.yaml")


def test_an_alias_bomb_is_refused_quickly(tmp_path: Path) -> None:
    """Twenty levels of aliases (10^20 values) are counted, not expanded."""
    names = [f"a{number}" for number in range(20)]
    lines = ["a0: &a0 [x]"] + [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise(names)
    ]
    (tmp_path / "x.yaml").write_text("\n".join(lines), encoding="utf-8")
    started = time.perf_counter()
    with pytest.raises(ConfigError, match="write the values out"):
        load_yaml(tmp_path / "x.yaml")
    assert time.perf_counter() - started < 2


def test_big_files_are_read(tmp_path: Path) -> None:
    """A file with a thousand resources is accepted."""
    (tmp_path / "x.yaml").write_text("resources:\n" + "  - {entry: a.b, destination: c.d}\n" * 1000, encoding="utf-8")
    document = load_yaml(tmp_path / "x.yaml")
    assert len(document.value["resources"]) == 1000
    assert document.line(("resources", 999)) == 1001
