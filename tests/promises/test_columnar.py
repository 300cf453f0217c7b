"""Both engines store the same: tables, schemas, states, counts and warnings."""

import tempfile
from contextlib import suppress
from datetime import UTC, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from data_foundation.errors import ValueRefused
from tests.promises.both_engines import ENGINES, DltAloneRefuses, Engine, Given, PagePaths, compare
from tests.promises.generated_loads import DISPOSITIONS, histories

SAMPLE, ALL = 2, 480
"""Number of histories for each disposition, and with --promises."""

PAGES = 10_000
"""Minimum number of pages in all tests with --promises."""


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
    **{
        f"fractions after integers, types {mode}": Given(
            [[{"a": [2, 0.5, 2]}], [{"a": [3]}]], {"schema_contract": {"data_type": mode}}, gathered=1
        )
        for mode in ("discard_value", "discard_row", "freeze")
    },
    "a number that is no time": Given([[{"a": ["2024-01-01T00:00:00Z", 2, -(2**63)]}]], {}),
    "a version with a value that cannot be hashed": Given(
        [[{"id": 0, "b": [1]}], [{"id": 1, "b": time(1, tzinfo=UTC)}]], VERSIONS, gathered=1
    ),
}


@pytest.mark.parametrize("name", ONCE_DIFFERED)
def test_cases_that_once_differed_are_equal(name: str, tmp_path: Path) -> None:
    """Cases found by full runs with --promises that are too rare for the sample."""
    engines = [Engine(tmp_path, engine, PagePaths()) for engine in ENGINES]
    compare(engines, ONCE_DIFFERED[name])


@pytest.mark.parametrize("hints", [{}, {"data_type": "text"}])
def test_a_frozen_contract_ignores_a_column_that_no_row_has(hints: dict[str, Any], tmp_path: Path) -> None:
    """Only dlt refuses this load, in which nothing would be added; both engines refuse a row with the column."""
    frozen = {"schema_contract": {"columns": "freeze"}, "columns": {"a": hints}}
    dlt, columnar = engines = [Engine(tmp_path, engine, PagePaths()) for engine in ENGINES]
    assert compare(engines, Given([[{"id": 0}]], {}))
    with pytest.raises(DltAloneRefuses):
        compare(engines, Given([[{"id": 1}]], frozen))
    kind, reason = result = columnar.load(Given([[{"id": 2, "a": "x"}]], frozen))
    assert kind is ValueRefused
    assert "row 1, column a: a new column, which schema_contract columns: freeze forbids" in reason
    assert dlt.load(Given([[{"id": 2, "a": "x"}]], frozen)) == result


@pytest.mark.sampled(11)
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_both_engines_are_equal(disposition: str, request: pytest.FixtureRequest, record_property: Any) -> None:
    """Tables, schemas, states, counts, warnings and errors are equal for all rows."""
    every = request.config.getoption("--promises")
    paths = PagePaths()

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
            engines = [Engine(Path(folder), name, paths) for name in ENGINES]
            # After a load that only dlt refuses, the engines have different tables.
            with suppress(DltAloneRefuses):
                for load in loads:
                    compare(engines, load, known_ids)

    are_equal()
    assert min(paths.columnar, paths.dlt) > 0, paths
    if every:
        assert paths.columnar > paths.dlt, paths
        # Ids that are computed from rows or keys need the rows.
        assert paths.read > 0 or disposition in {"upsert", "insert-only", "scd2"}, paths
        assert (paths.columnar + paths.dlt) * len(DISPOSITIONS) > PAGES, paths
    record_property("pages in columns, equal to dlt's own", paths.columnar)
    record_property("of these read as JSON", paths.read)
    record_property("pages between them on dlt's own path", paths.dlt)
