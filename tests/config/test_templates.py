"""Templates: they accept partition bounds and settings, and no other expression."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_foundation.config.templates import environment_names, find_templates, is_known, render
from data_foundation.errors import SettingMissing

VALUES = {"partition.start": "2024-01-01", "env.TOKEN": "abc"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{ partition.start }}", "2024-01-01"),
        ("{{partition.start}}", "2024-01-01"),
        ("from {{ partition.start }} with {{ env.TOKEN }}!", "from 2024-01-01 with abc!"),
        ({"a": ["{{ env.TOKEN }}", 1, None]}, {"a": ["abc", 1, None]}),
        (("{{ env.TOKEN }}", True), ["abc", True]),
        ("{ partition.start }", "{ partition.start }"),
        ("{{ partition.start", "{{ partition.start"),
        (7, 7),
    ],
    ids=repr,
)
def test_a_template_is_replaced(value: Any, expected: Any) -> None:
    """Templates in nested lists and mappings are replaced; everything else is unchanged."""
    assert render(value, VALUES) == expected


@pytest.mark.parametrize("name", ["partition.key", "partition.start", "partition.end", "env.A", "env._a1"])
def test_known_names(name: str) -> None:
    """Names of partition bounds and of settings are accepted."""
    assert is_known(name)


@pytest.mark.parametrize(
    "name",
    ["", "partition", "partition.first", "env", "env.", "env.A-B", "env.A.B", "now()", "partition.start | upper"],
)
def test_unknown_names(name: str) -> None:
    """Expressions, filters and other names are rejected."""
    assert not is_known(name)


def test_a_rendered_value_is_not_rendered_again() -> None:
    """A setting that looks like a template stays text."""
    assert render("{{ env.TOKEN }}", {"env.TOKEN": "{{ partition.start }}"}) == "{{ partition.start }}"


def test_a_missing_value_is_an_error() -> None:
    """A missing value raises an error that names it."""
    with pytest.raises(SettingMissing, match=r"partition\.end"):
        render(["{{ partition.start }}", "{{ partition.end }}"], VALUES)


def test_names_are_found_in_nested_values() -> None:
    """All template names of a nested value are found, and the settings among them."""
    value = {"a": ["{{ env.A }} {{env.B}}", {"b": "{{ partition.key }}"}]}
    assert list(find_templates(value)) == ["env.A", "env.B", "partition.key"]
    assert list(environment_names(value)) == ["A", "B"]


@settings(max_examples=50)
@given(
    st.recursive(st.text() | st.integers() | st.none(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_a_value_without_templates_is_unchanged(value: Any) -> None:
    """Rendering returns a value without `{{ }}` unchanged."""
    if not list(find_templates(value)):
        assert render(value, {}) == value
