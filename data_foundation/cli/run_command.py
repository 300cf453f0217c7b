"""The steps of `foundation run`: load the selected resources, build the dbt models, print the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data_foundation.cli.consoles import err, out, print_problems
from data_foundation.cli.run_report import ProgressView, print_details, print_summary
from data_foundation.config.table_names import landing_table_of, table_name_of, tables_of
from data_foundation.dbt.command import ModelResult, build_models, command_line_target, parse_project
from data_foundation.dbt.selection import Lineage
from data_foundation.errors import FoundationError
from data_foundation.loading.parallel import Outcome
from data_foundation.loading.task import LoadOptions, Task, new_run_id
from data_foundation.loading.telemetry.observers import observe_models, observing_run
from data_foundation.local.run import load_and_log
from data_foundation.local.signals import stop_on_signals
from data_foundation.project.find_sources import BrokenSource, FoundSource
from data_foundation.warehouses.base import Warehouse

if TYPE_CHECKING:
    from data_foundation.naming import TableName


def load_and_build(
    root: Path,
    tasks: Sequence[Task],
    warehouse: Warehouse,
    sources: Sequence[FoundSource],
    select: Sequence[str] | None = None,
) -> tuple[list[Outcome], list[ModelResult], int]:
    """Loads resources and builds dbt models, as one run that can be observed.

    Args:
        root: The repository.
        tasks: The resources to load.
        warehouse: The warehouse.
        sources: The sources of the repository.
        select: Selectors of dbt, as of `build_dbt_models`; None builds no model.

    Returns:
        One outcome for each resource, the results of the models, and the exit code of the signal that stopped the
        loads, 0 without one.
    """
    options = tasks[0].options if tasks else LoadOptions(run_id=new_run_id())
    with observing_run(options.run_id, "foundation run", options.traceparent) as fail:
        outcomes, stopped = load(root, tasks, warehouse)
        is_built = select is not None and not stopped
        models = build_dbt_models(root, warehouse, outcomes, sources, select or []) if is_built else []
        if failed := [outcome for outcome in outcomes if outcome.error]:
            fail(f"{len(failed)} of {len(outcomes)} resources failed or were stopped")
    return outcomes, models, stopped


def load(root: Path, tasks: Sequence[Task], warehouse: Warehouse) -> tuple[list[Outcome], int]:
    """Loads resources and shows their progress.

    Returns:
        One outcome for each, and the exit code of the signal that stopped them, 0 without one.
    """
    outcomes: list[Outcome] = []
    with stop_on_signals() as stop, ProgressView(out) as view:
        for event in load_and_log(root, tasks, warehouse, stop):
            if isinstance(event, Outcome):
                outcomes.append(event)
            else:
                view.show(event)
    return outcomes, stop.exit_code


def build_dbt_models(
    root: Path,
    warehouse: Warehouse,
    outcomes: Sequence[Outcome],
    sources: Sequence[FoundSource],
    select: Sequence[str] = (),
) -> list[ModelResult]:
    """Builds the dbt models whose upstream tables exist, landed in this run if selected, and pass blocking checks.

    A failure of dbt itself is a result like that of a model: the report, the record and the alerts of what has landed
    follow.

    Args:
        root: The repository.
        warehouse: The warehouse.
        outcomes: The outcomes of the loads.
        sources: The sources of the repository.
        select: Selectors of dbt. Default: the models that read what was loaded, and those that follow; if every
            resource was loaded, all models.
    """
    if not warehouse.runs_dbt:
        err.print(f"[yellow]warning[/] dbt models are not built: dbt cannot run in {warehouse.kind}", highlight=False)
        return []
    if not any(outcome.result for outcome in outcomes):
        return []
    try:
        return _build(root, warehouse.models, outcomes, sources, select)
    except FoundationError as error:
        return [ModelResult("dbt", "dbt", "not run", 0.0, message=str(error))]


def _build(
    root: Path,
    warehouse: Warehouse,
    outcomes: Sequence[Outcome],
    sources: Sequence[FoundSource],
    select: Sequence[str],
) -> list[ModelResult]:
    landed = [table for o in outcomes if o.result and not o.result.is_blocked for table in tables_of(o.task.resource)]
    failed = {t for o in outcomes if o.result is None or o.result.is_blocked for t in tables_of(o.task.resource)}
    configured = {
        table_name_of(resource): landing_table_of(source.config.name, resource)
        for source in sources
        for resource in source.config.resources
    }
    with warehouse.query() as query:
        existing = set(query("SELECT LOWER(table_schema), LOWER(table_name) FROM information_schema.tables"))
    absent = failed | {
        key for key, (dataset, table) in configured.items() if (warehouse.dataset(dataset), table) not in existing
    }
    is_partial = configured.keys() - {table_name_of(outcome.task.resource) for outcome in outcomes}
    with out.status("dbt build"):
        if is_partial and not select:
            lineage = Lineage(parse_project(root, warehouse))
            select = lineage.select(landed, absent, existing)
            _print_unselected(lineage, landed, absent)
        models = build_models(root, warehouse, sorted(absent), select) if select or not is_partial else []
        if models:
            run_id = outcomes[0].task.options.run_id
            observe_models(command_line_target(root, warehouse), warehouse, run_id)
        return models


def _print_unselected(lineage: Lineage, landed: Sequence[TableName], absent: Iterable[TableName]) -> None:
    """Prints which models that read the loaded tables are not built, or that no model reads them."""
    tables = ", ".join(map(str, landed))
    if landed and not lineage.find_models(landed):
        out.print(f"no dbt model reads {tables}", highlight=False, soft_wrap=True)
    if waiting := lineage.find_models(absent, among=landed):
        names = ", ".join(waiting)
        note = "dbt models are not built, because they also read a table that failed or does not exist yet"
        err.print(f"[yellow]warning[/] {note}: {names}")


def print_report(
    warehouse: Warehouse, outcomes: Sequence[Outcome], models: Sequence[ModelResult], broken: Sequence[BrokenSource]
) -> None:
    """Prints the summary, the errors and warnings, where the data is, and what to do next."""
    if not outcomes and not broken:
        out.print("Nothing to load: no source in dlthub/ is enabled; `foundation new shop` starts one", highlight=False)
        return
    print_summary(out, outcomes, models)
    print_details(err, outcomes, models)
    for source in broken:
        print_problems(source.problems)
    out.print(f"The tables are in {warehouse.location}", highlight=False, soft_wrap=True)
    out.print("Next: `make dev` shows them in Dagster; `make new-source NAME=...` creates a source", highlight=False)
