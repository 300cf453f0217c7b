"""Lets dagster-dbt be imported and build assets without dbt-core, whose import takes more CPU than Dagster's."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dagster_shared.libraries import DagsterLibraryRegistry
from packaging.version import Version

_DBT_CORE, _ASSUMED = "dbt-core", "dbt-fusion"
_READERS = ("dagster_dbt.compat", "dagster_dbt.utils", "dagster_dbt.core.resource")


@contextmanager
def without_dbt_core() -> Iterator[None]:
    """dagster-dbt behaves inside as if dbt-core were not installed, and afterwards as if it had been all along.

    dagster-dbt supports environments without dbt-core: it needs dbt-core to evaluate a selection of nodes and to open
    an adapter in a run, not to build the assets of all nodes. Afterwards both import dbt-core when they are used. If
    dbt-core is imported already, or is not installed, nothing is changed.
    """
    version = _installed_version()
    if version is None or "dbt" in sys.modules:
        yield
        return
    # Python raises ModuleNotFoundError for a module that is None here.
    sys.modules["dbt"] = None  # type: ignore[assignment]
    _set_version(None)
    try:
        yield
    finally:
        del sys.modules["dbt"]
        _set_version(version)
        if _ASSUMED in DagsterLibraryRegistry.get():
            del DagsterLibraryRegistry._libraries[_ASSUMED]  # noqa: SLF001 - it has no way to remove one
            DagsterLibraryRegistry.register(_DBT_CORE, version.base_version, is_dagster_package=False)


def _installed_version() -> Version | None:
    """Returns the version of dbt-core without importing it, or None if it is not installed."""
    try:
        return Version(importlib.metadata.version(_DBT_CORE))
    except importlib.metadata.PackageNotFoundError:
        return None


def _set_version(version: Version | None) -> None:
    """Sets the version of dbt-core in the modules of dagster-dbt that are imported and read it."""
    for name in _READERS:
        if module := sys.modules.get(name):
            module.DBT_PYTHON_VERSION = version  # type: ignore[attr-defined]
