"""Builds the asset that stands for a source folder with errors: it fails visibly, and fails no run of other assets."""

from collections.abc import Iterator, Sequence

import dagster as dg

from data_foundation.config.schedules import Automation
from data_foundation.orchestration.automation import ingest_condition
from data_foundation.orchestration.keys import dagster_name, source_key
from data_foundation.project.find_sources import BrokenSource

CHECK = "folder_is_valid"
HINT = (
    "Repair the folder until `foundation check` finds nothing, then click *Reload definitions* above the asset graph."
)


def build_broken_assets(sources: Sequence[BrokenSource]) -> Iterator[dg.AssetsDefinition]:
    """Yields the asset of each broken folder. Dagster runs it once by itself.

    A run of broken folders alone fails with their errors. In a run of other assets too, the folder has a failed check
    instead: the run of the others succeeds or fails by what they do.
    """
    broken = {source_key(source.name) for source in sources}
    return (_build_asset(source, broken) for source in sources)


def _build_asset(source: BrokenSource, broken: set[dg.AssetKey]) -> dg.AssetsDefinition:
    text = "\n".join(f"- {problem}" for problem in source.problems)
    key = source_key(source.name)

    @dg.asset(
        key=key,
        group_name=dagster_name(source.name),
        kinds={"broken"},
        description=f"**This source is broken and none of its tables can be loaded.**\n\n{text}\n\n{HINT}",
        automation_condition=ingest_condition(Automation(condition="on_missing")),
        output_required=False,
        check_specs=[dg.AssetCheckSpec(CHECK, asset=key, description="sources.yaml and the code have no errors.")],
    )
    def stands_for_tables(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult]:
        message = f"dlthub/{source.name} is broken:\n{text}\n{HINT}"
        context.log.error(message)
        yield dg.AssetCheckResult(passed=False, check_name=CHECK, description=message)
        # The run's job has the selected assets only.
        if set(context.job_def.asset_layer.selected_asset_keys) <= broken:
            raise dg.Failure(message)

    return stands_for_tables
