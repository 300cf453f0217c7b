"""Finds the executor that the setting `EXECUTOR` names."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import dagster as dg

from data_foundation.errors import FoundationError
from data_foundation.suggestions import nearest

EXECUTORS: Mapping[str, str] = {
    "side_by_side": "data_foundation.orchestration.executor.side_by_side_executor",
    "in_process": "dagster.in_process_executor",
    "multiprocess": "dagster.multiprocess_executor",
}
"""Import path of each executor with a name of its own. Only the one in use is imported: a deployment with an executor
of Dagster does not depend on the internals of Dagster that `side_by_side` uses."""

ACCEPTED = f"{', '.join(EXECUTORS)}, or the import path of a Dagster executor, such as dagster_k8s.k8s_job_executor"


def find_executor(name: str) -> dg.ExecutorDefinition:
    """Returns an executor by its name in EXECUTORS, or by its import path.

    Raises:
        FoundationError: There is no such executor, or it cannot be imported.
    """
    path = EXECUTORS.get(name, name)
    module, _, attribute = path.rpartition(".")
    if not module:
        raise FoundationError(f"EXECUTOR: got '{name}'; accepted: {ACCEPTED}{nearest(name, list(EXECUTORS))}")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise FoundationError(
            f"EXECUTOR: {path} cannot be imported: {error}; accepted: {ACCEPTED}. "
            "Install the executor's package beside Dagster, in the environment of the code location"
        ) from error
    if not isinstance(found, dg.ExecutorDefinition):
        kind = type(found).__name__
        raise FoundationError(
            f"EXECUTOR: {path} is an object of type {kind}, no Dagster executor; accepted: {ACCEPTED}"
        )
    return found
