"""Two machines load one table of a MariaDB; SQLite's file is one that two processes of a machine load."""

from pathlib import Path

import pytest

from tests.machines.machines import KINDS, Site, set_up
from tests.machines.test_two_machines import test_killed_here_then_there_then_here as _killed_here
from tests.machines.test_two_machines import test_paused_and_continued as _paused
from tests.machines.test_two_machines import test_two_at_once as _two_at_once
from tests.warehouses.contract.engines import ENGINES

LOADABLE = [kind for kind in KINDS if kind not in {"upsert", "vault"}]
CELLS = [(name, kind) for name in ("mariadb", "sqlite") for kind in LOADABLE]


@pytest.fixture
def site(name: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    """Two checkouts over one empty warehouse."""
    return set_up(KINDS[kind], tmp_path, ENGINES[name].share(request, tmp_path))


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "kind"), CELLS)
def test_two_at_once(site: Site) -> None:
    """Both read the same before either lands; in the first load, and in a later one."""
    _two_at_once(site, 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("name", "kind"), CELLS)
def test_paused_and_continued(site: Site, request: pytest.FixtureRequest) -> None:
    """A machine is paused at a point of its load; the other loads newer rows; the first goes on."""
    _paused(site, request)


@pytest.mark.rare
@pytest.mark.parametrize(("name", "kind"), CELLS)
def test_killed_here_then_there_then_here(site: Site, request: pytest.FixtureRequest) -> None:
    """A run is killed on one machine, the other loads, and then the first again."""
    _killed_here(site, request)
