"""A broken folder in Dagster: it fails visibly, and fails no run of other assets."""

from __future__ import annotations

import dagster as dg
import pytest

from data_foundation.orchestration.broken_sources import CHECK
from tests.support.locations import Location, failure, landed

RUNS = [
    pytest.param(["source/bad"], False, id="the folder alone"),
    pytest.param(["source/bad", "source/worse"], False, id="broken folders alone"),
    pytest.param(["source/bad", "raw/good"], True, id="the folder and a table"),
    pytest.param(["source/bad", "source/worse", "raw/good"], True, id="two folders and a table"),
    pytest.param([], True, id="everything, as a job over all assets"),
]


def add_sources(location: Location) -> None:
    """Writes a source, and two folders with errors."""
    location.add("good")
    location.add("bad", "resources: [{entry: data.get_rows}]")
    location.add("worse", "resources: [")


@pytest.mark.parametrize(("selection", "succeeds"), RUNS)
def test_a_broken_folder_fails_no_run_of_other_assets(
    location: Location, selection: list[str], *, succeeds: bool
) -> None:
    """A run of broken folders alone fails with their errors; beside other assets they have a failed check instead."""
    add_sources(location)
    with dg.DagsterInstance.ephemeral() as instance:
        result = location.materialize(*selection, instance=instance)
        assert result.success == succeeds, failure(result)
        key = dg.AssetCheckKey(dg.AssetKey(["source", "bad"]), CHECK)
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    assert not evaluation.passed
    assert evaluation.description
    assert "dlthub/bad/sources.yaml:1: resources[0].destination" in evaluation.description
    assert ("raw/good" in landed(result)) == (succeeds or "raw/good" in selection)
    assert ("dlthub/bad is broken" in failure(result)) == (not succeeds)


def test_a_failed_table_fails_the_run_beside_a_broken_folder(location: Location) -> None:
    """The run fails by the table, and its error names the table alone."""
    add_sources(location)
    location.add("good", data="def get_rows():\n    raise ValueError('gone')\n    yield\n")
    result = location.materialize("source/bad", "raw/good")
    assert not result.success
    assert "1 of 1 resources of good failed" in failure(result)
    assert "broken" not in failure(result)


def test_the_hint_names_the_button_of_the_ui(location: Location) -> None:
    """The error and the description name the command that lists errors, and the button that reads the files again."""
    add_sources(location)
    for text in (failure(location.materialize("source/bad")), location.specs()["source/bad"].description or ""):
        assert "`foundation check` finds nothing, then click *Reload definitions* above the asset graph" in text
