"""The source google_ads, reading the sandbox's Google Ads: its rows alone, or loaded into a DuckDB of the test."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dlt
import duckdb
import pytest
from dlt.extract import DltResource

from data_foundation.loading.attempts import load_resource
from data_foundation.loading.result import LoadResult
from data_foundation.loading.task import LoadOptions, Task
from data_foundation.project.source import load_source_config
from data_foundation.warehouses.duckdb.warehouse import DuckDBWarehouse
from dlthub.google_ads.data import get_rows
from sandbox.environment import GOOGLE_ADS, TOKENS
from tests.support.virtual_clock import VirtualClock

FOLDER = Path(__file__).parents[2] / "dlthub" / "google_ads"
GROUP, NL, US, OLD, HIDDEN, ASIA, JP = (f"10000000{end}" for end in ("01", "11", "12", "13", "14", "02", "21"))
PARTNERS, UK, CLOSED, LARGE = (f"10000000{end}" for end in ("03", "31", "32", "99"))
READABLE = [NL, US, HIDDEN, JP]
DAYS = {"start": "2026-10-01", "end": "2026-10-08"}

FIRST, LAST = date(2026, 9, 20), date(2026, 10, 20)
"""A month: at its end, the first days no longer change, and the last ones still do."""

Rows = list[dict[str, Any]]


@dataclass
class Reading:
    """The result of reading one table.

    Attributes:
        rows: All rows.
        failed_parts: The accounts that failed, with the reasons.
        warnings: Warnings of the source.
        error: The error that ended the reading, or None.
    """

    rows: Rows = field(default_factory=list)
    failed_parts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: Exception | None = None

    @property
    def accounts(self) -> list[str]:
        """The accounts that have rows, in order of their first row."""
        return list(dict.fromkeys(row["customer_id"] for row in self.rows))


@dataclass
class Ads:
    """The sandbox's Google Ads, and the source that reads it.

    Attributes:
        url: URL of the sandbox.
        home: Folder of the DuckDB file that loads write to.
        clock: Virtual clock of the waits.
    """

    url: str
    home: Path
    clock: VirtualClock = field(default_factory=VirtualClock)

    def settings(self, on: str = "", **settings: Any) -> dict[str, Any]:
        """Returns the source's settings, with `on` as today's date if it is given."""
        defaults = {
            "base_url": f"{self.url}/google_ads" + (f"/on/{on}" if on else ""),
            "token_url": f"{self.url}/google_ads/token",
            "customer_ids": GROUP,
            "client_id": GOOGLE_ADS["client_id"],
            "client_secret": TOKENS["google_ads_client"],
            "refresh_token": TOKENS["google_ads"],
            "today": on or GOOGLE_ADS["today"],
        }
        return {name: value for name, value in {**defaults, **settings}.items() if value is not None}

    def resource(self, table: str, settings: dict[str, Any], **arguments: Any) -> DltResource:
        """Returns the dlt resource that reads a table."""
        pages = get_rows(table, **{"clock": self.clock, **arguments})
        resource: DltResource = dlt.resource(pages, name=f"{table}_{uuid4().hex}", section="google_ads")(**settings)
        return resource

    def read(self, table: str, arguments: dict[str, Any] | None = None, **settings: Any) -> Reading:
        """Reads a table without a warehouse."""
        days = DAYS if table in {"campaign_metrics", "ad_group_metrics", "search_terms"} else {}
        resource = self.resource(table, self.settings(**settings), **{**days, **(arguments or {})})
        reading = Reading()
        try:
            for row in resource:
                reading.rows.append(row)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            reading.error = error.__cause__ if isinstance(error.__cause__, Exception) else error
        reading.failed_parts = resource.custom_metrics.get("failed_parts", {})
        reading.warnings = resource.custom_metrics["warnings"]
        return reading

    @property
    def warehouse(self) -> DuckDBWarehouse:
        """The warehouse that loads write to."""
        return DuckDBWarehouse(self.home / "pipelines", str(self.home / "warehouse.duckdb"))

    def load(self, table: str, on: str = "", options: LoadOptions | None = None, **settings: Any) -> LoadResult:
        """Loads a table with the configuration of sources.yaml."""
        config = load_source_config(FOLDER)
        resource = config.find_resource(f"google_ads_{table}")
        assert resource
        defaults = options or LoadOptions()
        defaults = LoadOptions(**{**vars(defaults), "kwargs": {"clock": self.clock, **defaults.kwargs}})
        with _environment(self.settings(on, **settings)):
            return load_resource(Task(config, resource, defaults), self.warehouse)

    def query(self, sql: str) -> list[Any]:
        """Returns the rows of a query in the warehouse."""
        with duckdb.connect(self.warehouse.path) as connection:
            return connection.execute(sql).fetchall()

    def table(self, table: str, but: Sequence[str] = ()) -> list[Any]:
        """Returns a table's rows in order, without the columns that differ between two loads of the same rows."""
        left_out = ", ".join(("_dlt_id", "_dlt_load_id", *but))
        return self.query(f"SELECT * EXCLUDE ({left_out}) FROM raw.google_ads_{table} ORDER BY ALL")


def since(first: date, on: date, **more: Any) -> LoadOptions:
    """Returns the options of a run that continues after the last load; the first load begins at `first`."""
    return LoadOptions(kwargs={"start": str(first), "end": str(on + timedelta(days=1)), **more})


def whole(ads: Ads, table: str, on: date) -> list[Any]:
    """Returns the rows of a table that one load has filled."""
    other = Ads(ads.url, ads.home / "whole")
    other.load(table, str(on), since(FIRST, on))
    return other.table(table)


def play_month(ads: Ads, by: str, step: int) -> None:
    """Proves that loading a month step by step gives the same table as one load of the whole month.

    Args:
        ads: The source to load with.
        by: "partitions", each loaded on the day after it; or "hand", each run continuing after the last load.
        step: Days in each step.
    """
    ads.load("ad_group_metrics", str(FIRST), since(FIRST, FIRST))
    young: dict[tuple[date, str], float] = {}
    for number in range(step, (LAST - FIRST).days + 1, step):
        day = FIRST + timedelta(days=number)
        partitions = LoadOptions(start=str(day - timedelta(days=step)), end=str(day), partition_key=str(day))
        ads.load("ad_group_metrics", str(day), partitions if by == "partitions" else since(FIRST, day))
        young |= _conversions(ads, f"date = DATE '{day - timedelta(days=1)}'")
    ads.load("ad_group_metrics", str(LAST), since(FIRST, LAST))
    # The loads of partitions also read days before FIRST: each load reads the days before its range again.
    assert [row for row in ads.table("ad_group_metrics") if row[0] >= FIRST] == whole(ads, "ad_group_metrics", LAST)
    kept = _conversions(ads)
    assert young.keys() - kept.keys(), "no row disappeared during the month"
    assert any(kept[key] > young[key] for key in young.keys() & kept.keys()), "no conversion was added during the month"


def _conversions(ads: Ads, where: str = "true") -> dict[tuple[date, str], float]:
    query = f"SELECT date, ad_group_id, conversions FROM raw.google_ads_ad_group_metrics WHERE {where}"
    return {(day, group): conversions for day, group, conversions in ads.query(query)}


@contextmanager
def _environment(settings: dict[str, Any]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SOURCES__GOOGLE_ADS__")]:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(f"SOURCES__GOOGLE_ADS__{name.upper()}", str(value))
        yield
