"""Snowflake: two machines load one table, by way of rows that are locks and staging tables of a session."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.machines.machines import KINDS, Site, finish, pause, set_up
from tests.promises import killed
from tests.snowflake.conftest import Account, SnowflakeTree, account, server

__all__ = ["account", "server"]  # fixtures


@pytest.fixture
def site(account: Account, tmp_path: Path, kind: str) -> Site:
    """Two machines over one deployment."""
    shared = account.warehouse(tmp_path)

    def checkout(root: Path) -> SnowflakeTree:
        return SnowflakeTree(root, account, replace(shared, work_folder=root / "data" / "pipelines"))

    return set_up(KINDS[kind], tmp_path, checkout)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("kind", KINDS)
def test_two_at_once(site: Site) -> None:
    """Both read the same before either lands; in the first load, and in a later one with a new column."""
    for turn in range(2):
        site.load_at_once()
        site.vendor.grow(f"column_{turn}")


@pytest.mark.sampled(8)
@pytest.mark.parametrize("kind", KINDS)
def test_paused_and_continued(site: Site) -> None:
    """A machine is paused when its rows are staged; the other loads newer rows; the first goes on."""
    one, other = site.machines
    assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
    site.vendor.grow()
    [*_, point] = [point for point in killed.trace(one, "shop.orders") if point[0].startswith("after PUT")]
    site.vendor.grow()
    paused = pause(one, point)
    site.vendor.grow()
    assert killed.run(other, "shop.orders") == 0, killed.last_failure(other)
    assert paused.pid
    os.kill(paused.pid, signal.SIGCONT)
    assert finish(paused) == [0], killed.last_failure(one)
    site.judge()
