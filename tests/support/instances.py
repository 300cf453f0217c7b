"""Dagster instances with the settings of a deployment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Yields the instance whose `dagster.yaml` is in `home`, the folder that a deployment names in `DAGSTER_HOME`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance
