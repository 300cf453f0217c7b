"""Tests of values that belong to the database, or that no warehouse can hold: each is refused at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import ValidationError

from data_foundation.config.fields import ColumnType
from data_foundation.config.grammar import ResourceConfig
from data_foundation.config.scalars import is_cron

RESERVED = ["information_schema.orders", "INFORMATION_SCHEMA.orders", "pg_catalog.orders", "pg_toast.orders", "pg_x.a",
            "raw_staging.orders", "Raw_Staging.orders"]  # fmt: skip


@pytest.mark.parametrize("destination", RESERVED)
def test_a_dataset_of_the_database_or_of_dlt_is_refused(destination: str) -> None:
    """The schemas of the database are not the user's, and dlt truncates tables of `<dataset>_staging`."""
    with pytest.raises(ValidationError, match=r"belongs to the database|before it merges them"):
        ResourceConfig.model_validate({"entry": "data.get_rows", "destination": destination})


@pytest.mark.parametrize("destination", ["raw.orders", "staging.orders", "pgx.orders", "raw.information_schema"])
def test_other_datasets_are_accepted(destination: str) -> None:
    """Only the dataset counts, and only these names."""
    assert ResourceConfig.model_validate({"entry": "data.f", "destination": destination}).destination == destination


DIGITS: dict[str, tuple[dict[str, Any], bool]] = {
    "decimal": ({"data_type": "decimal", "precision": 76, "scale": 20}, True),
    "decimal too long": ({"data_type": "decimal", "precision": 77}, False),
    "precision beyond reason": ({"data_type": "decimal", "precision": 99999999}, False),
    "precision beyond reason, no type": ({"precision": 99999999}, False),
    "precision beyond reason, text": ({"data_type": "text", "precision": 99999999}, False),
    "text": ({"data_type": "text", "precision": 16_777_216}, True),
    "negative": ({"data_type": "decimal", "precision": -1}, False),
    "scale beyond precision": ({"data_type": "decimal", "precision": 4, "scale": 5}, False),
    "scale beyond reason": ({"data_type": "decimal", "scale": 99999999}, False),
    "timestamp": ({"data_type": "timestamp", "precision": 9}, True),
    "timestamp too fine": ({"data_type": "timestamp", "precision": 10}, False),
    "bits": ({"data_type": "bigint", "precision": 64}, True),
    "too many bits": ({"data_type": "bigint", "precision": 65}, False),
}


@pytest.mark.parametrize("case", DIGITS)
def test_a_precision_that_no_warehouse_has_is_refused(case: str) -> None:
    """The limit is that of the type."""
    value, is_accepted = DIGITS[case]
    if is_accepted:
        ColumnType.model_validate(value)
        return
    with pytest.raises(ValidationError, match=r"accepted|greater than or equal"):
        ColumnType.model_validate(value)


def test_an_endless_cron_is_refused_quickly() -> None:
    """A list of 3,000 items took 40 seconds; each minute, hour and day can still be listed."""
    began = time.process_time()
    assert not is_cron(f"{','.join(['1-59/2'] * 3000)} * * * *")
    assert not is_cron(f"* {','.join(map(str, range(3000)))} * * *")
    assert not is_cron("*/5" * 100_000)
    assert is_cron(f"{','.join(map(str, range(60)))} {','.join(map(str, range(24)))} * * *")
    assert time.process_time() - began < 1
