"""Tests of every event, through every service, from the command line and from Dagster."""

from collections.abc import Mapping
from itertools import product

import pytest

from tests.support.alert_projects import CAUSES, KINDS, MORE, WAYS, open_project
from tests.support.receivers import SERVICES, Receivers, emptied

CASES = list(product(WAYS, KINDS, SERVICES))
Received = Mapping[tuple[str, str, str], list[str]]


@pytest.fixture(scope="module")
def received(running_receivers: Receivers, tmp_path_factory: pytest.TempPathFactory) -> Received:
    """What each target received, by way, event and service: there is a target for each event of each service."""
    found = {}
    for way, run in WAYS.items():
        with emptied(running_receivers) as receivers, open_project(tmp_path_factory.mktemp("project")) as project:
            for name in MORE:
                project.add(name)
            targets = [
                receivers.target(service, f"{service}-{kind}", f", events: {kind}")
                for kind in KINDS
                for service in SERVICES
            ]
            project.write_alerts(
                "empty_runs: 2", "dagster_url: https://dagster.example.com/", "targets:", *(f"  {t}" for t in targets)
            )
            run(project)
            for kind in KINDS:
                for service in SERVICES:
                    found[way, kind, service] = receivers.texts(service, f"{service}-{kind}")
    return found


@pytest.mark.sampled(41)
@pytest.mark.parametrize(("way", "kind", "service"), CASES, ids=[", ".join(case) for case in CASES])
def test_an_event_is_reported_once(received: Received, way: str, kind: str, service: str) -> None:
    """Each event is in one message of its run, with table, cause and hint, whatever the service and the way."""
    [text] = received[way, kind, service]
    for part in CAUSES[kind]:
        assert part in text, text
    others = [cause for other, (_, cause, _) in CAUSES.items() if other != kind]
    assert not any(cause in text for cause in others), text
    is_linked = way == "Dagster"
    assert ("https://dagster.example.com/" in text) == is_linked


@pytest.mark.parametrize(("kind", "service"), list(product(KINDS, SERVICES)), ids=str)
def test_the_command_line_and_dagster_report_the_same(received: Received, kind: str, service: str) -> None:
    """Table, cause and hint are the same text, from the command line and from Dagster."""
    [here], [there] = received["command line", kind, service], received["Dagster", kind, service]
    table, _, _ = CAUSES[kind]
    [line], [other] = ([one for one in text.splitlines() if table in one] for text in (here, there))
    assert line.partition("overdue since")[0] == other.partition("overdue since")[0]
