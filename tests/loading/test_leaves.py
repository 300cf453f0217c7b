"""Copies of one state that several loads write: none loses what another has written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_foundation.loading.siblings.leaves import Leaves, as_state, as_versions, find_written, merge, read_leaves

STATES = st.recursive(
    st.one_of(st.integers(), st.text(max_size=2), st.none(), st.lists(st.integers(), max_size=2)),
    lambda values: st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=3),
    max_leaves=8,
)
UNHURRIED = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
MAPPINGS = st.dictionaries(st.sampled_from(["a", "b", "c"]), STATES, max_size=3)


def write(before: Leaves, state: dict[str, Any], writer: str = "one") -> Leaves:
    """Returns the leaves after a load that has written a state."""
    return merge((before, find_written(before, state, writer)))


@UNHURRIED
@given(MAPPINGS, MAPPINGS)
def test_the_state_is_what_was_written_last(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Loads one after another pass each state on, values that were removed included."""
    leaves = write(write({}, first), second, "two")
    assert as_state(leaves) == second


@UNHURRIED
@given(MAPPINGS, MAPPINGS)
def test_a_stored_state_has_the_leaves_that_were_written(first: dict[str, Any], second: dict[str, Any]) -> None:
    """A state and its versions are read as they were stored."""
    leaves = write(write({}, first), second, "two")
    assert read_leaves(as_state(leaves), as_versions(leaves), "three") == leaves


@UNHURRIED
@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_the_order_in_which_copies_are_read_is_of_no_effect(
    base: dict[str, Any], one: dict[str, Any], two: dict[str, Any]
) -> None:
    """Every machine sees the same state."""
    begun = write({}, base)
    copies = [write(begun, one, "one"), write(begun, two, "two"), begun]
    assert merge(copies) == merge(copies[::-1])


@pytest.mark.parametrize(
    ("base", "one", "two", "expected"),
    [
        ({"last": {"a": 1, "b": 1}}, {"last": {"a": 2, "b": 1}}, {"last": {"a": 1, "b": 2}},
         {"last": {"a": 2, "b": 2}}),
        ({}, {"last": {"a": 2}}, {"last": {"b": 2}}, {"last": {"a": 2, "b": 2}}),
        ({"last": {}}, {"last": {"a": 2}}, {"last": {"b": 2}}, {"last": {"a": 2, "b": 2}}),
        ({"names": {"x": 1}, "seen": [1]}, {"names": {}, "seen": [1]}, {"names": {"x": 1}, "seen": [1, 2]},
         {"names": {}, "seen": [1, 2]}),
    ],
    ids=["two keys of one mapping", "a mapping that both begin", "an empty mapping that both fill", "one is removed"],
)  # fmt: skip
def test_two_loads_at_once_keep_both_parts(base: Any, one: Any, two: Any, expected: Any) -> None:
    """What two loads have written beside each other is in the state that the next one reads."""
    begun = write({}, base)
    assert as_state(merge([write(begun, one, "one"), write(begun, two, "two")])) == expected
