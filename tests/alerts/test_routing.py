"""Tests of who receives which events."""

from collections.abc import Mapping
from typing import Any

import pytest

from data_foundation.alerts.events import Event
from data_foundation.alerts.routing import Routing
from data_foundation.config.alerts.keys import SourceAlerts, TreeAlerts

FAILURE = Event("failure", "raw.orders", "boom", "shop")
DRIFT = Event("schema_drift", "raw.orders", "new: vat", "shop")
ELSEWHERE = Event("failure", "raw.users", "boom", "crm")
MODEL = Event("failure", "marts.sales", "dbt: error")
EVENTS = (FAILURE, DRIFT, ELSEWHERE, MODEL)
HOOK = {"webhook": "{{ env.HOOK }}"}
TEAM = {"targets": {"team": HOOK}}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, list[Event]]]] = {
    "the tree's target receives all": (TEAM, {}, {"team": [FAILURE, DRIFT, ELSEWHERE, MODEL]}),
    "no target": ({}, {}, {}),
    "events of the tree": ({**TEAM, "events": "failure"}, {}, {"team": [FAILURE, ELSEWHERE, MODEL]}),
    "no events": ({**TEAM, "events": []}, {}, {}),
    "events of a target": (
        {"targets": {"team": HOOK, "call": {**HOOK, "events": ["schema_drift"]}}},
        {},
        {"team": list(EVENTS), "call": [DRIFT]},
    ),
    "a source's target": (TEAM, {"targets": {"own": HOOK}}, {"team": list(EVENTS), "shop/own": [FAILURE, DRIFT]}),
    "a source's target alone": (
        TEAM,
        {"inherit": False, "targets": {"own": HOOK}},
        {"team": [ELSEWHERE, MODEL], "shop/own": [FAILURE, DRIFT]},
    ),
    "a source's target of the same name": (
        TEAM,
        {"targets": {"team": HOOK}},
        {"team": [ELSEWHERE, MODEL], "shop/team": [FAILURE, DRIFT]},
    ),
    "a silent source": (TEAM, {"events": []}, {"team": [ELSEWHERE, MODEL]}),
    "a source without targets": (TEAM, {"inherit": False}, {"team": [ELSEWHERE, MODEL]}),
    "events of a source": ({**TEAM, "events": []}, {"events": "schema_drift"}, {"team": [DRIFT]}),
    "a source's target without one of the tree": ({}, {"targets": {"own": HOOK}}, {"shop/own": [FAILURE, DRIFT]}),
}


def routing(tree: Mapping[str, Any], shop: Mapping[str, Any]) -> Routing:
    """Returns the routing of a tree with the sources shop and crm."""
    sources = {"shop": SourceAlerts.model_validate(shop), "crm": SourceAlerts()}
    return Routing(TreeAlerts.model_validate(tree), sources)


@pytest.mark.parametrize(("tree", "shop", "expected"), CASES.values(), ids=CASES)
def test_events_reach_their_receivers(
    tree: dict[str, Any], shop: dict[str, Any], expected: dict[str, list[Event]]
) -> None:
    """Each target receives the events of its sources that it wants, and no others."""
    routed = routing(tree, shop).route(EVENTS)
    assert {receiver.name: events for receiver, events in routed.items()} == expected


def test_a_check_that_failed_the_load_is_one_event() -> None:
    """A check whose message is the cause of the table's failure is not reported twice; another check is."""
    failure = Event("failure", "raw.t", "the rows lack id; nothing was written", "shop")
    same = Event("blocking_check", "raw.t", "requires: the rows lack id", "shop")
    other = Event("blocking_check", "raw.t", "row_count: 0 rows", "shop")
    [events] = routing(TEAM, {}).route([same, failure, other]).values()
    assert events == [failure, other]
    only_checks = {"targets": {"team": {**HOOK, "events": "blocking_check"}}}
    [events] = routing(only_checks, {}).route([same, failure]).values()
    assert events == [same]


@pytest.mark.parametrize(
    ("tree", "shop", "limit"),
    [
        (TEAM, {}, None),
        ({**TEAM, "empty_runs": 3}, {}, 3),
        ({**TEAM, "empty_runs": 3}, {"empty_runs": 1}, 1),
        ({**TEAM, "empty_runs": 3}, {"events": ["failure"]}, None),
        ({"empty_runs": 3}, {}, None),
    ],
    ids=["not set", "the tree's", "the source's", "not an event of the source", "no target"],
)
def test_the_limit_of_empty_runs(tree: dict[str, Any], shop: dict[str, Any], limit: int | None) -> None:
    """The limit of a source counts before that of the tree; without a receiver there is none."""
    assert routing(tree, shop).empty_runs("shop") == limit
