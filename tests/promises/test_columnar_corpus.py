"""What real vendors send becomes the same tables in columns as on dlt's own path, and all of it goes in columns."""

from pathlib import Path

import pytest

from data_foundation.loading.task import Task
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import find_sources
from tests.conftest import ROOT
from tests.promises.both_engines import ENGINES, Engine, Roads

SOURCES = ("exchange_rate", "facebook_ads", "github", "mentions", "open_data")


@pytest.mark.usefixtures("sandbox_settings")
@pytest.mark.parametrize("task", select_tasks(SOURCES, *find_sources(ROOT)), ids=lambda task: task.resource.table)
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
