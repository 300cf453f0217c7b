"""Which partitions of a table are filled after a load outside Dagster."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from data_foundation.config.grammar import ResourceConfig
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.orchestration.partitions import covered_partitions

ALL = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
DAYS = {"by": "daily", "start": date(2026, 1, 1), "end": date(2026, 1, 5)}
APRIL, MONTHS = date(2026, 4, 1), ["2026-02-01", "2026-03-01"]
WEEKS = ["2026-01-11", "2026-01-18"]
CURSORS = [
    pytest.param("2026-01-01", None, ALL, id="first load, date as text"),
    pytest.param("2026-01-03", None, ALL[2:], id="first load from a later initial value"),
    pytest.param("2026-01-01", "2026-01-03", ALL[2:], id="date as text"),
    pytest.param("20260101", "20260103", ALL[2:], id="compact date"),
    pytest.param(date(2026, 1, 1), date(2026, 1, 3), ALL[2:], id="date"),
    pytest.param("2026-01-01T00:00:00Z", "2026-01-03T09:30:00Z", ALL[2:], id="time as text in a partition"),
    pytest.param(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC), ALL[2:], id="time at a bound"),
    pytest.param(datetime(2026, 1, 1), datetime(2026, 1, 3, 9), ALL[2:], id="time without zone"),  # noqa: DTZ001
    pytest.param("2026-01-01", "2026-02-01", [], id="cursor after the last partition"),
    pytest.param(1, 7, [], id="number"),
    pytest.param("a", "b", [], id="text"),
]
OPTIONS = [
    pytest.param({"limit": 5}, [], id="sample"),
    pytest.param({"limit": 5, "start": "2026-01-01"}, [], id="sample of a range"),
    pytest.param({"start": "2026-01-02", "end": "2026-01-04"}, ALL[1:3], id="whole partitions"),
    pytest.param({"start": "2026-01-02T12:00:00Z", "end": "2026-01-04T12:00:00Z"}, ALL[2:3], id="parts of partitions"),
    pytest.param({"start": "2026-01-02T06:00:00Z", "end": "2026-01-02T18:00:00Z"}, [], id="part of a partition"),
    pytest.param({"start": "2026-01-03"}, ALL[2:], id="open end"),
    pytest.param({"refresh": "state"}, ALL, id="everything again"),
    pytest.param({"refresh": "drop"}, ALL, id="the table anew"),
    pytest.param({}, ALL[3:], id="from the cursor"),
]


def task(first: Any, partitions: Any = None, **options: Any) -> Task:
    """Returns a task of a resource whose cursor begins at `first`, None for a resource without a cursor."""
    values = {"entry": "data.get_rows", "destination": "raw.rows", "write_disposition": "merge", "primary_key": "id"}
    cursor = {"incremental": {"cursor_path": "at", "initial_value": first}} if first is not None else {}
    resource = ResourceConfig.model_validate({**values, **cursor, "partitions": partitions or DAYS})
    return Task(None, resource, LoadOptions(**options))  # type: ignore[arg-type]  # the source is not read


@pytest.mark.parametrize(("first", "cursor", "covered"), CURSORS)
def test_a_load_from_the_cursor_covers_the_partitions_since(first: Any, cursor: Any, covered: list[str]) -> None:
    """The partition in which the stored cursor lies, and those after it, for each type of cursor."""
    assert covered_partitions(task(first), cursor) == covered


@pytest.mark.parametrize(("options", "covered"), OPTIONS)
def test_the_options_of_a_run_decide_what_it_covers(options: dict[str, Any], covered: list[str]) -> None:
    """A range covers its whole partitions, a sample none, a refresh all."""
    assert covered_partitions(task("2026-01-01T00:00:00Z", **options), "2026-01-04T10:00:00Z") == covered


def test_a_table_without_a_cursor_is_loaded_from_its_first_partition() -> None:
    """Without `incremental`, each load covers all partitions."""
    assert covered_partitions(task(None), None) == ALL


@pytest.mark.parametrize(
    ("partitions", "cursor", "covered"),
    [
        pytest.param({"by": "hourly"}, "2026-01-01T22:30:00Z", ["2026-01-01-22:00", "2026-01-01-23:00"], id="hourly"),
        pytest.param({"by": "monthly", "end": APRIL}, "2026-02-10T00:00:00Z", MONTHS, id="monthly"),
        pytest.param({"by": "weekly", "end": date(2026, 1, 25)}, "2026-01-12T00:00:00Z", WEEKS, id="weekly"),
        pytest.param({"timezone": "Europe/Amsterdam"}, "2026-01-02T23:30:00Z", ALL[2:], id="the day of a time zone"),
    ],
)  # fmt: skip
def test_each_unit_and_zone_has_its_bounds(partitions: dict[str, Any], cursor: str, covered: list[str]) -> None:
    """The bounds of partitions are those of their unit and time zone."""
    ends = {"end": date(2026, 1, 2)} if partitions.get("by") == "hourly" else {}
    assert covered_partitions(task("2026-01-01T00:00:00Z", DAYS | ends | partitions), cursor) == covered
