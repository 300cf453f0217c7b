"""Two machines load one table of a lake: no row is lost or doubled, and no older one lands over a newer."""

import itertools
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from typing_extensions import override

from data_foundation.loading.result import LoadResult
from data_foundation.warehouses.lake import turns
from tests.machines.machines import KINDS, Site, finish, pause, set_up
from tests.promises import killed
from tests.support.lakes import MarkedLakeTree
from tests.support.stores import S3, run_s3
from tests.support.trees import Tree

Test = TypeVar("Test", bound=Callable[..., None])

POINTS = 12
"""Points at which a run is paused or killed, with --promises; 1 without."""

PLACES = ("delta", "parquet", "iceberg", "delta on S3", "parquet on S3", "iceberg on S3")
CELLS = [
    (kind, place)
    for kind, place in itertools.product(
        ("append", "append with a cursor", "merge with a cursor", "upsert", "replace"), PLACES
    )
    if "parquet" not in place or kind in {"append", "append with a cursor", "replace"}
]
CELLS_AT_ONCE = [*CELLS, *((kind, "iceberg in Glue") for kind in ("append with a cursor", "upsert", "replace"))]


def every_cell(first: str, found: Sequence[tuple[str, str]] = CELLS) -> Callable[[Test], Test]:
    """Parametrizes a test with all cells; an ordinary run takes only `first`."""
    ids = [f"{kind}, {place}" for kind, place in found]
    at = ids.index(first)
    cells = pytest.mark.parametrize(("kind", "place"), [*found[at:], *found[:at]], ids=ids[at:] + ids[:at])

    def decorate(test: Test) -> Test:
        marked: Test = pytest.mark.sampled(len(found) + 1)(cells(test))
        return marked

    return decorate


@dataclass(frozen=True)
class Machine(MarkedLakeTree):
    """A checkout of a machine, which hears sooner that another one has ended."""

    @override
    def load(self, name: str, **options: Any) -> LoadResult:
        """Loads `source.table`."""
        with patch.multiple(turns, BEAT_SECONDS=0.2, SILENT_SECONDS=2.0):
            return super().load(name, **options)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A store that speaks S3's protocol."""
    with run_s3() as running:
        yield running


@pytest.fixture
def site(kind: str, place: str, tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    """Two machines over one empty lake."""
    table_format, _, where = place.partition(" ")
    lake = {"LAKE_URL": "lake"}
    if where == "in Glue":
        lake = request.getfixturevalue("s3").glue(tmp_path.name)
    elif where == "on S3":
        lake = request.getfixturevalue("s3").lake(tmp_path.name)
        if table_format == "iceberg":
            server = request.getfixturevalue("postgres_server")
            lake = {**lake, **server.settings(server.create_database()), "LAKE_CATALOG": "postgres"}
    elif table_format == "iceberg":
        # Its tables name their files by whole addresses.
        lake = {"LAKE_URL": str(tmp_path / "lake")}
    else:
        # It has another path on each machine.
        (tmp_path / "a" / "lake").mkdir(parents=True)
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "lake").symlink_to(tmp_path / "a" / "lake")
    return set_up(KINDS[kind], tmp_path, lambda root: Machine(root, {**lake, "LAKE_FORMAT": table_format}))


def run(machine: Tree, **options: Any) -> None:
    """Loads, without a failure."""
    assert killed.run(machine, "shop.orders", **options) == 0, killed.last_failure(machine)


def find_points(site: Site, request: pytest.FixtureRequest) -> list[killed.Point]:
    """Returns points at which a second load touches the lake; all rows of the first have landed."""
    run(site.machines[0])
    site.vendor.grow()
    points = [point for point in killed.trace(site.machines[0], "shop.orders") if is_of_lake(point[0])]
    number = POINTS if request.config.getoption("--promises") else 1
    return random.Random(request.node.name).sample(points, min(number, len(points)))  # noqa: S311 - a choice of tests


def is_of_lake(point: str) -> bool:
    """Returns True for a point at which the lake changes."""
    return "/lake/" in point or "/marks/" in point


@every_cell("append with a cursor, delta", CELLS_AT_ONCE)
def test_two_at_once(site: Site) -> None:
    """Both read the same before either lands, in the first load and in a later one."""
    for _ in range(2):
        site.load_at_once()
        site.vendor.grow()


@pytest.mark.timeout(1800)
@every_cell("upsert, delta on S3")
def test_paused_and_continued(site: Site, request: pytest.FixtureRequest) -> None:
    """A machine is paused at a point of its load; the other loads newer rows meanwhile; then the first goes on."""
    one, other = site.machines
    for point in find_points(site, request):
        site.vendor.grow()
        paused = pause(one, point)
        site.vendor.grow()
        try:
            run(other)
            site.judge()
        finally:
            if paused.is_alive() and paused.pid:
                os.kill(paused.pid, signal.SIGCONT)
        assert finish(paused) == [0], (point, killed.last_failure(one))
        site.judge()
        run(other)
        site.judge()


@pytest.mark.timeout(1800)
@every_cell("replace, parquet")
def test_killed_here_then_there_then_here(site: Site, request: pytest.FixtureRequest) -> None:
    """A run is killed on one machine, the other loads, and then the first again."""
    one, other = site.machines
    for point in find_points(site, request):
        site.vendor.grow()
        killed.run(one, "shop.orders", at=point)
        site.vendor.grow()
        run(other)
        site.judge()
        site.vendor.grow()
        run(one)
        site.judge()


@pytest.mark.rare
@every_cell("merge with a cursor, delta")
def test_an_emptied_disk(site: Site) -> None:
    """A machine that has lost its disk continues where the lake is."""
    for _ in range(2):
        run(site.machines[0])
        site.judge()
        shutil.rmtree(site.machines[0].root / "data")
        site.vendor.grow()


@pytest.mark.rare
@every_cell("append with a cursor, parquet")
def test_clocks_that_disagree(site: Site) -> None:
    """The clock of one machine is an hour ahead of the other's, then behind it; rows get new columns."""
    one, other = site.machines
    for turn, ahead in enumerate((3600, 0, -3600, 0)):
        run(other if ahead else one, ahead=ahead)
        site.judge()
        site.vendor.grow(f"column_{turn}")
