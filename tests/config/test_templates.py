"""Holds templates to partition bounds and settings, and nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_foundation.config.templates import environment_names, find_templates, is_known, render

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
    """Anywhere in nested lists and mappings; all else stays as it is."""
    assert render(value, VALUES) == expected


@pytest.mark.parametrize("name", ["partition.key", "partition.start", "partition.end", "env.A", "env._a1"])
def test_known_names(name: str) -> None:
    """These can be filled."""
    assert is_known(name)


@pytest.mark.parametrize(
    "name",
    ["", "partition", "partition.first", "env", "env.", "env.A-B", "env.A.B", "now()", "partition.start | upper"],
)
def test_unknown_names(name: str) -> None:
    """No expression, no filter, no other name."""
    assert not is_known(name)


def test_what_is_filled_is_not_evaluated_again() -> None:
    """A setting that looks like a template stays text."""
    assert render("{{ env.TOKEN }}", {"env.TOKEN": "{{ partition.start }}"}) == "{{ partition.start }}"


def test_a_missing_value_is_an_error() -> None:
    """Nothing is left half filled."""
    with pytest.raises(KeyError, match=r"partition\.end"):
        render(["{{ partition.start }}", "{{ partition.end }}"], VALUES)


def test_names_are_found_wherever_they_stand() -> None:
    """Templates in a nested value, and the settings among them."""
    value = {"a": ["{{ env.A }} {{env.B}}", {"b": "{{ partition.key }}"}]}
    assert list(find_templates(value)) == ["env.A", "env.B", "partition.key"]
    assert list(environment_names(value)) == ["A", "B"]


@settings(max_examples=50)
@given(
    st.recursive(st.text() | st.integers() | st.none(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_a_value_without_templates_is_itself(value: Any) -> None:
    """Rendering changes nothing that has no `{{ }}` in it."""
    if not list(find_templates(value)):
        assert render(value, {}) == value
