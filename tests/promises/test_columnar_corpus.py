"""What real vendors send becomes the same tables in columns as on dlt's own path, and all of it goes in columns."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_foundation.options import Task
from data_foundation.tree import FoundSource, find_source
from tests.conftest import ROOT
from tests.promises.both_engines import ENGINES, Engine, Roads

SOURCES = ("exchange_rate", "facebook_ads", "github", "mentions", "open_data")


def _tasks() -> Iterator[Task]:
    """Every resource of this project's sources."""
    for name in SOURCES:
        found = find_source(ROOT, name)
        assert isinstance(found, FoundSource), found
        yield from (Task(found.config, resource) for resource in found.config.resources)


@pytest.mark.usefixtures("sandbox_settings")
@pytest.mark.parametrize("task", _tasks(), ids=lambda task: task.resource.table)
def test_what_vendors_send_goes_in_columns(tmp_path: Path, task: Task) -> None:
    """Commits with their parents, the history of exchange rates, weather, mentions: equal, and never the slow way."""
    roads = Roads()
    engines = [Engine(tmp_path, name, roads) for name in ENGINES]
    told = [engine.run(task, gathered=1000) for engine in engines]
    assert told[1] == told[0]
    assert told[0]["rows"][0]
    assert engines[1].landed() == engines[0].landed()
    assert roads.dlt == 0, roads.reasons
    assert roads.columnar
