"""Tests of the rows of a range of partitions: each materialization has those of its own partition."""

from typing import Any

import dagster as dg
import pytest

from data_foundation.orchestration.factory import build_definitions
from tests.support.trees import Tree

DAYS = ("2024-01-02", "2024-01-03")
HOURS = """
import datetime

import pyarrow as pa

ROWS = [
    {"id": n, "at": f"2024-01-{2 + n // 24:02}T{n % 24:02}:00:00Z", "lines": [{"n": n}]} for n in range(36)
]


def get_dicts():
    yield ROWS


def get_rows():
    yield from ROWS


def get_frames():
    times = [datetime.datetime.fromisoformat(row["at"]) for row in ROWS]
    yield pa.table({"id": [row["id"] for row in ROWS], "at": pa.array(times, pa.timestamp("us", "UTC"))})
"""
CURSOR = ", incremental: {cursor_path: at}"
CASES: dict[str, tuple[str, str, list[dict[str, int]]]] = {
    "pages": ("get_dicts", CURSOR, [{"rows_loaded": 24}, {"rows_loaded": 12}]),
    "single rows": ("get_rows", CURSOR, [{"rows_loaded": 24}, {"rows_loaded": 12}]),
    "frames": ("get_frames", CURSOR, [{"rows_loaded": 24}, {"rows_loaded": 12}]),
    "without a cursor": ("get_dicts", "", [{"rows_of_range": 36}] * 2),
}


@pytest.mark.parametrize(
    ("entry", "cursor", "expected", "selected"),
    [
        pytest.param(*case, selected, id=f"{name}-{'selected' if selected else 'recorded beside its child'}")
        for name, case in CASES.items()
        for selected in ((True,) if name == "frames" else (True, False))
    ],
)
def test_rows_are_those_of_the_partition(
    tree: Tree, entry: str, cursor: str, expected: list[dict[str, int]], *, selected: bool
) -> None:
    """Two days of 24 and 12 rows have 24 and 12, not 36 each; where the rows name no day, the rows of the range."""
    children = "" if entry == "get_frames" else ", child_tables: [lines]"
    tree.add(
        "shop",
        f"resources: [{{entry: data.{entry}, destination: raw.t, write_disposition: merge, primary_key: id{children}, "
        f"partitions: {{by: daily, start: 2024-01-01}}{cursor}}}]",
        HOURS,
    )
    tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}
    result = build_definitions(tree.root, tree.warehouse).resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[dg.AssetKey(["raw", "t" if selected else "t__lines"])], tags=tags
    )  # fmt: skip
    found: dict[Any, dict[str, Any]] = {}
    for event in result.get_asset_materialization_events():
        landed = event.step_materialization_data.materialization
        if landed.asset_key == dg.AssetKey(["raw", "t"]):
            found[landed.partition] = {name: value.value for name, value in landed.metadata.items()}
    names = ("rows_loaded", "rows_of_range")
    assert [{name: found[day][name] for name in names if name in found[day]} for day in DAYS] == expected
    assert {found[day]["dagster/row_count"] for day in DAYS} == {36}
