"""Responses of real vendors: the columnar engine gives the same tables as dlt's own path, and takes every page."""

from pathlib import Path

import pytest

from data_foundation.loading.task import Task
from data_foundation.local.selection import select_tasks
from data_foundation.project.find_sources import find_sources
from tests.conftest import ROOT
from tests.promises.both_engines import ENGINES, Engine, PagePaths

SOURCES = ("exchange_rate", "facebook_ads", "github", "mentions", "open_data")


@pytest.mark.sampled(7)
@pytest.mark.usefixtures("sandbox_settings")
@pytest.mark.parametrize("task", select_tasks(SOURCES, *find_sources(ROOT)), ids=lambda task: task.resource.table)
def test_responses_of_vendors_take_the_columnar_path(tmp_path: Path, task: Task) -> None:
    """Commits with parents, exchange rates, weather and mentions: equal tables, and no page on dlt's slower path."""
    paths = PagePaths()
    engines = [Engine(tmp_path, name, paths) for name in ENGINES]
    results = [engine.run(task, gathered=1000) for engine in engines]
    assert results[1] == results[0]
    assert results[0]["rows"][0]
    assert engines[1].landed() == engines[0].landed()
    assert paths.dlt == 0, paths.reasons
    assert paths.columnar
