"""A load that others overtake again and again ends, and says who was faster."""

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_foundation.errors import LoadOvertaken
from data_foundation.loading.attempts import MOST_READINGS
from data_foundation.warehouses.postgres.warehouse import PostgresWarehouse
from tests.machines.machines import DATA, KINDS, Site, set_up
from tests.promises import killed
from tests.support.postgres_server import PostgresServer, PostgresTree

CALLS = DATA.replace("    rows =", "    import builtins\n\n    builtins.while_it_reads()\n    rows =")


@pytest.fixture
def site(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    """Two machines over one PostgreSQL database; reading on the first calls `while_it_reads`."""
    settings = postgres_server.settings(postgres_server.create_database())
    site = set_up(KINDS["append with a cursor"], tmp_path, lambda root: PostgresTree(root, settings))
    site.machines[0].write("dlthub/shop/data.py", CALLS)
    yield site
    del builtins.while_it_reads  # type: ignore[attr-defined]


def overtake(site: Site, times: int) -> list[str]:
    """Lets the second machine land something while the first reads, so many times; returns the ids of its runs."""
    runs: list[str] = []

    def while_it_reads() -> None:
        if len(runs) < times:
            runs.append(f"faster-{len(runs)}")
            site.vendor.grow()
            assert killed.run(site.machines[1], "shop.orders", run_id=runs[-1]) == 0
            site.vendor.grow()

    builtins.while_it_reads = while_it_reads  # type: ignore[attr-defined]
    return runs


@pytest.mark.parametrize("times", range(MOST_READINGS))
def test_it_reads_again(site: Site, times: int) -> None:
    """Fewer times than it reads: a warning for each names the run that was faster, and the table is right."""
    runs = overtake(site, times)
    result = site.machines[0].load("shop.orders")
    assert [warning for warning in result.warnings if "was dropped" in warning] == [
        warning for warning, run in zip(result.warnings, runs, strict=False) if f"of run {run} landed" in warning
    ]
    assert len(runs) == times == sum("was dropped" in warning for warning in result.warnings)
    site.judge()


def test_it_gives_up(site: Site) -> None:
    """As often as it reads: it fails with the run that was faster, leaves nothing pending, and the next is right."""
    runs = overtake(site, MOST_READINGS)
    with pytest.raises(LoadOvertaken, match=f"of run faster-{MOST_READINGS - 1} landed in the table first"):
        site.machines[0].load("shop.orders")
    assert len(runs) == MOST_READINGS
    assert not list(site.machines[0].warehouse.work_folder.glob("*.unfinished/*"))
    site.machines[0].load("shop.orders")
    site.judge()


def test_a_first_load_lands_while_another_looks_for_a_state(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No state is found, then the other machine's first load lands, then it is found as the newest: it is the state."""
    builtins.while_it_reads = lambda: None  # type: ignore[attr-defined]
    find = PostgresWarehouse.newest_load
    first: list[int] = []

    def land_and_find(*arguments: Any) -> str | None:
        if not first:
            first.append(killed.run(site.machines[1], "shop.orders"))
        return find(*arguments)

    monkeypatch.setattr(PostgresWarehouse, "newest_load", land_and_find)
    site.machines[0].load("shop.orders")
    assert first == [0]
    site.judge()
