"""A Dagster deployment with its own sources, shared by the tests of promises."""

from collections.abc import Iterator

import pytest

from tests.promises.deployed import Deployment, deploy
from tests.support.locations import Location

DATA = '''
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def get_rows(name):
    """Yields two rows with two lines each; fails if <name>.fails exists, waits while <name>.waits exists."""
    with (FOLDER / "read.txt").open("a") as read:
        read.write(f"{name} ")
    yield [{"id": 1, "lines": [{"n": 1}, {"n": 2}]}]
    if (FOLDER / f"{name}.fails").exists():
        raise ValueError(f"no {name} today")
    deadline = time.monotonic() + 60
    while (FOLDER / f"{name}.waits").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield [{"id": 2, "lines": [{"n": 1}, {"n": 2}]}]
'''
TABLES = {"shop": [f"t{number}" for number in range(10)], "north": ["north"], "south": ["south"]}


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Dagster with the sources `shop` (ten tables), `north` and `south` (one each); every table has a child table."""
    location = Location(tmp_path_factory.mktemp("deployed"))
    for source, tables in TABLES.items():
        resources = "\n".join(
            f"  - {{entry: data.get_rows, args: [{name}], destination: raw.{name}, child_tables: [lines],"
            " write_disposition: append}"
            for name in tables
        )
        location.add(source, f"resources:\n{resources}\n", DATA)
    with deploy(location) as deployed:
        yield deployed
