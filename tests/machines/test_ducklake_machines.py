"""DuckLake: machines over a catalogue in PostgreSQL, or processes over one in SQLite, load one table."""

import os
import signal
from pathlib import Path

import pytest

from tests.machines.machines import KINDS, Site, finish, pause, set_up
from tests.promises import killed
from tests.support.ducklakes import DuckLakeTree
from tests.support.postgres_server import PostgresServer

CATALOGUES = ("postgres", "sqlite")


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, kind: str, catalogue: str) -> Site:
    """Two machines over one lake."""
    shared = {"DUCKLAKE_DATA": str(tmp_path / "files"), "DUCKLAKE_CATALOG": str(tmp_path / "lake.sqlite")}
    if catalogue == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        shared |= {"DUCKLAKE_CATALOG": "postgres", **server.settings(server.create_database())}
    return set_up(KINDS[kind], tmp_path, lambda root: DuckLakeTree(root, shared))


@pytest.mark.sampled(16)
@pytest.mark.parametrize("catalogue", CATALOGUES)
@pytest.mark.parametrize("kind", KINDS)
def test_two_at_once(site: Site) -> None:
    """Both read the same before either lands; in the first load, and in a later one with a new column."""
    for turn in range(2):
        site.load_at_once()
        site.vendor.grow(f"column_{turn}")


@pytest.mark.rare
@pytest.mark.parametrize("catalogue", CATALOGUES)
@pytest.mark.parametrize("kind", KINDS)
def test_paused_and_continued(site: Site) -> None:
    """A machine is paused before its transaction, or in it; the other loads newer rows; the first goes on."""
    one, other = site.machines
    assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
    site.vendor.grow()
    points = [point for point in killed.trace(one, "shop.orders") if "kept.json" in point[0] or "commit" in point[0]]
    assert len(points) > 1
    for point in (points[0], points[-1]):
        site.vendor.grow()
        paused = pause(one, point)
        site.vendor.grow()
        second = killed.start(other, "shop.orders")
        second.join(4)  # it waits if the first is paused in its transaction
        if paused.is_alive():
            assert paused.pid
            os.kill(paused.pid, signal.SIGCONT)
        assert finish(paused, second) == [0, 0], (point, [killed.last_failure(machine) for machine in site.machines])
        site.judge()


@pytest.mark.rare
@pytest.mark.parametrize("catalogue", CATALOGUES)
@pytest.mark.parametrize("kind", KINDS)
def test_killed_here_then_there_then_here(site: Site) -> None:
    """A run is killed before its commit, the other machine loads, and then the first again."""
    one, other = site.machines
    assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
    site.vendor.grow()
    [*_, point] = [point for point in killed.trace(one, "shop.orders") if "before commit" in point[0]]
    site.vendor.grow()
    killed.run(one, "shop.orders", at=point)
    for machine in (other, one):
        site.vendor.grow()
        assert killed.run(machine, "shop.orders") == 0, killed.last_failure(machine)
        site.judge()
