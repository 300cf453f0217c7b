"""Rows that are written in columns leave everything as dlt's own path does."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.promises.both_engines import ENGINES, Engine, Given, Roads, compare
from tests.promises.generated_loads import DISPOSITIONS, histories

SAMPLE, ALL = 5, 480
"""Histories of each disposition: in every test run, and where the promises are proved in full."""

PAGES = 10_000
"""So many pages at least are written in all, where the promises are proved in full."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_both_engines_are_equal(disposition: str, request: pytest.FixtureRequest, record_property: Any) -> None:
    """Tables, schemas, states, counts, warnings and refusals are the same, whatever the rows are."""
    every = request.config.getoption("--promises")
    roads = Roads()

    @settings(
        max_examples=ALL if every else SAMPLE,
        deadline=None,
        derandomize=not every,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(histories(disposition))
    def are_equal(history: tuple[list[Given], frozenset[str] | None]) -> None:
        loads, known_ids = history
        with tempfile.TemporaryDirectory() as folder:
            engines = [Engine(Path(folder), name, roads) for name in ENGINES]
            for load in loads:
                compare(engines, load, known_ids)

    are_equal()
    assert min(roads.columnar, roads.dlt) > 0, roads
    if every:
        assert roads.columnar > roads.dlt, roads
        # Ids that follow from the rows, or from their keys, need the rows.
        assert roads.read > 0 or disposition in {"upsert", "insert-only", "scd2"}, roads
        assert (roads.columnar + roads.dlt) * len(DISPOSITIONS) > PAGES, roads
    record_property("pages in columns, equal to dlt's own", roads.columnar)
    record_property("of these read as JSON", roads.read)
    record_property("pages between them on dlt's own path", roads.dlt)
