"""Rows that are written in columns leave everything as dlt's own path does."""

import tempfile
from contextlib import suppress
from datetime import UTC, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from data_foundation.errors import ValueRefused
from tests.promises.both_engines import ENGINES, DltAloneRefuses, Engine, Given, Roads, compare
from tests.promises.generated_loads import DISPOSITIONS, histories

SAMPLE, ALL = 5, 480
"""Histories of each disposition: in every test run, and where the promises are proved in full."""

PAGES = 10_000
"""So many pages at least are written in all, where the promises are proved in full."""


LISTS_WITHOUT_VALUES = [[{"id": 0, "list": [None, 0]}], [{"id": 1, "list": [0]}], [{"id": 2, "list": [0, None]}]]
NEEDED: dict[str, Any] = {"columns": {"a": {"nullable": False}}}
VERSIONS: dict[str, Any] = {"write_disposition": {"disposition": "merge", "strategy": "scd2"}, "primary_key": "id"}
ONCE_DIFFERED = {
    "lists whose items the contract lets go": Given(
        LISTS_WITHOUT_VALUES,
        {"write_disposition": "append", "schema_contract": {"columns": "discard_row"}},
        gathered=1,
    ),
    "None among lists of a column that takes none": Given([[{"a": [1]}], [{"a": None}, {"a": [2]}]], NEEDED),
    "None among objects of a column that takes none": Given([[{"a": {"b": 1}}], [{"a": None}, {"a": {}}]], NEEDED),
    "a number that is no time": Given([[{"a": ["2024-01-01T00:00:00Z", 2, -(2**63)]}]], {}),
    "a version with a value that cannot be hashed": Given(
        [[{"id": 0, "b": [1]}], [{"id": 1, "b": time(1, tzinfo=UTC)}]], VERSIONS, gathered=1
    ),
}


@pytest.mark.parametrize("name", ONCE_DIFFERED)
def test_what_once_differed_is_equal(name: str, tmp_path: Path) -> None:
    """What was found in full proofs, and is too rare for the sample."""
    engines = [Engine(tmp_path, engine, Roads()) for engine in ENGINES]
    compare(engines, ONCE_DIFFERED[name])


@pytest.mark.parametrize("hints", [{}, {"data_type": "text"}])
def test_a_column_that_no_row_has_is_not_new_to_a_frozen_contract(hints: dict[str, Any], tmp_path: Path) -> None:
    """Dlt refuses what it took the load before, and nothing would be added; a row that has it is refused by both."""
    frozen = {"schema_contract": {"columns": "freeze"}, "columns": {"a": hints}}
    dlt, columnar = engines = [Engine(tmp_path, engine, Roads()) for engine in ENGINES]
    assert compare(engines, Given([[{"id": 0}]], {}))
    with pytest.raises(DltAloneRefuses):
        compare(engines, Given([[{"id": 1}]], frozen))
    kind, reason = told = columnar.load(Given([[{"id": 2, "a": "x"}]], frozen))
    assert kind is ValueRefused
    assert "row 1, column a: a new column, which schema_contract columns: freeze forbids" in reason
    assert dlt.load(Given([[{"id": 2, "a": "x"}]], frozen)) == told


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
            # What comes after a load that dlt alone refuses, they meet with different tables.
            with suppress(DltAloneRefuses):
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
