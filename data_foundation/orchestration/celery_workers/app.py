"""What a worker serves: `celery --app data_foundation.orchestration.celery_workers.app worker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster_celery.tasks import create_execute_job_task

from data_foundation.errors import FoundationError

# Imported before a worker forks the process of a run, which would import them for each run.
from data_foundation.orchestration import factory  # noqa: F401
from data_foundation.orchestration.celery_workers.run_launcher import CeleryRunLauncher
from data_foundation.orchestration.dbt_models import assets  # noqa: F401

if TYPE_CHECKING:
    from celery import Celery


def build_app() -> Celery:
    """Returns the app of the launcher that `dagster.yaml` names: workers have its broker and its settings.

    Raises:
        FoundationError: The instance in DAGSTER_HOME starts its runs in another way.
    """
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
    if not isinstance(launcher, CeleryRunLauncher):
        raise FoundationError(
            f"run_launcher in dagster.yaml: got {type(launcher).__name__}; accepted for a worker is "
            f"{CeleryRunLauncher.__module__}.{CeleryRunLauncher.__name__}, as in deploy/celery/dagster.yaml"
        )
    create_execute_job_task(launcher.celery)
    return launcher.celery


app = build_app()
