"""Two machines without a shared disk load one table: no row is lost or doubled, and no older one lands over a newer."""

import os
import random
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.machines.machines import KINDS, Site, finish, pause, set_up
from tests.promises import killed
from tests.support.postgres_server import PostgresServer, PostgresTree

POINTS = 12
"""Further points at which a run is paused or killed, with --promises."""


@pytest.fixture
def site(postgres_server: PostgresServer, tmp_path: Path, kind: str) -> Site:
    """Two machines over one empty PostgreSQL database."""
    settings = postgres_server.settings(postgres_server.create_database())
    return set_up(KINDS[kind], tmp_path, lambda root: PostgresTree(root, settings))


@pytest.mark.sampled(8)
@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_two_at_once(site: Site, rounds: int) -> None:
    """Both read the same before either lands; in the first load, and in later ones."""
    for _ in range(rounds):
        site.load_at_once()
        site.vendor.grow()


def test_two_sources_of_one_hub(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """One machine is paused before its commit; the other, a source of the same tag, waits: no key is twice."""
    settings = postgres_server.settings(postgres_server.create_database())
    site = set_up(KINDS["vault"], tmp_path, lambda root: PostgresTree(root, settings))
    one, other = site.machines
    folder = other.root / "dlthub" / "shop"
    folder.rename(folder.with_name("web"))
    yaml = folder.with_name("web") / "sources.yaml"
    yaml.write_text(yaml.read_text().replace("raw.orders", "raw.web_orders"))
    assert killed.run(other, "web.web_orders") == 0, killed.last_failure(other)
    [point] = [point for point in killed.trace(one, "shop.orders") if re.search("after INSERT .*_dlt_loads", point[0])]
    site.vendor.grow()
    paused = pause(one, point)
    second = killed.start(other, "web.web_orders")
    second.join(2)
    assert second.is_alive()
    assert paused.pid
    os.kill(paused.pid, signal.SIGCONT)
    assert finish(paused, second) == [0, 0], [killed.last_failure(machine) for machine in site.machines]
    assert sorted(one.query("select business_key from raw.hub_orders")) == sorted(map(str, site.vendor.rows))


def _points(site: Site, request: pytest.FixtureRequest, always: str) -> list[killed.Point]:
    """Returns points of a second load: the last one that matches `always`, and with --promises others."""
    one, _ = site.machines
    assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
    site.vendor.grow()
    points = killed.trace(one, "shop.orders")
    chosen = [point for point in points if re.search(always, point[0])][-1:]
    assert chosen
    if request.config.getoption("--promises"):
        chosen += random.Random(len(points)).sample(points, min(POINTS, len(points)))  # noqa: S311 - a choice of tests
    return chosen


@pytest.mark.sampled(8)
@pytest.mark.parametrize("kind", KINDS)
def test_paused_and_continued(site: Site, request: pytest.FixtureRequest) -> None:
    """A machine is paused at a point of its load; the other loads newer rows; the first goes on."""
    one, other = site.machines
    for point in _points(site, request, r"open .*kept\.json"):
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


@pytest.mark.sampled(8)
@pytest.mark.parametrize("kind", KINDS)
def test_killed_here_then_there_then_here(site: Site, request: pytest.FixtureRequest) -> None:
    """A run is killed on one machine, the other loads, and then the first again."""
    one, other = site.machines
    for point in _points(site, request, "before commit"):
        site.vendor.grow()
        killed.run(one, "shop.orders", at=point)
        site.vendor.grow()
        assert killed.run(other, "shop.orders") == 0, killed.last_failure(other)
        site.judge()
        site.vendor.grow()
        assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
        site.judge()


@pytest.mark.sampled(16)
@pytest.mark.parametrize("ahead", [3600, -3600])
@pytest.mark.parametrize("kind", KINDS)
def test_clocks_that_disagree(site: Site, ahead: int) -> None:
    """The clock of one machine is an hour ahead of the other's, or behind it; they load by turns, with new columns."""
    one, other = site.machines
    for turn in range(4):
        machine, seconds = (other, ahead) if turn % 2 else (one, 0)
        assert killed.run(machine, "shop.orders", ahead=seconds) == 0, killed.last_failure(machine)
        site.judge()
        site.vendor.grow(f"column_{turn}")


@pytest.mark.sampled(8)
@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_database(site: Site, postgres_server: PostgresServer, request: pytest.FixtureRequest) -> None:
    """A load is pending, or has landed, when the database is restored from a backup that is older than its parent."""
    one, _ = site.machines
    assert isinstance(one, PostgresTree)
    points, name = _points(site, request, "before commit"), one.settings["POSTGRES_DATABASE"]
    backup = postgres_server.create_database(name)
    for point in points:
        site.vendor.grow()
        assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
        site.vendor.grow()
        killed.run(one, "shop.orders", at=point)
        postgres_server.query(f"drop database {name} with (force)")
        postgres_server.query(f"create database {name} template {backup}")
        assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
        site.judge()


@pytest.mark.sampled(8)
@pytest.mark.parametrize("kind", KINDS)
def test_an_emptied_disk(site: Site) -> None:
    """A machine that has lost its disk continues where the warehouse is."""
    one, _ = site.machines
    for _ in range(3):
        assert killed.run(one, "shop.orders") == 0, killed.last_failure(one)
        site.judge()
        shutil.rmtree(one.root / "data")
        site.vendor.grow()
