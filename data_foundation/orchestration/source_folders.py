"""The Dagster component `data_foundation.SourceFolders`: the source folders of a `dg` project, by a `defs.yaml`."""

# Dagster reads the annotations of a component's attributes, so no `from __future__ import annotations` here.
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import dagster as dg
from typing_extensions import override

from data_foundation.errors import FoundationError
from data_foundation.orchestration.executor_setting import EXECUTORS, find_executor
from data_foundation.orchestration.factory import build_part
from data_foundation.orchestration.keys import dagster_name
from data_foundation.orchestration.translator import SourceTranslator
from data_foundation.suggestions import nearest
from data_foundation.warehouses.settings import build_warehouse

FOLDER = "dlthub"
"""The folder that holds the source folders."""


def _resolve_path(context: dg.ResolutionContext, path: str | None) -> Path | None:
    return None if path is None else context.resolve_source_relative_path(path)


def _resolve_translator(_context: dg.ResolutionContext, name: str | None) -> SourceTranslator | None:
    """Returns the translator that a dotted path names: an instance, or a class that takes no argument.

    Raises:
        FoundationError: The path names no translator.
    """
    if name is None:
        return None
    accepted = "accepted: module.Name of a subclass of data_foundation.SourceTranslator, or of an instance of one"
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
        translator = found() if isinstance(found, type) and issubclass(found, SourceTranslator) else found
    except Exception as error:
        message = f"translator: got '{name}', which raises {type(error).__name__}: {error}; {accepted}"
        raise FoundationError(message) from error
    if not isinstance(translator, SourceTranslator):
        message = f"translator: got '{name}'; {accepted}"
        raise FoundationError(message)
    return translator


def _resolve_executor(_context: dg.ResolutionContext, name: str | None) -> dg.ExecutorDefinition | None:
    """Returns the executor with this name.

    Raises:
        FoundationError: There is none.
    """
    if name is not None and name not in EXECUTORS:
        message = f"executor: got '{name}'; accepted: {', '.join(EXECUTORS)}{nearest(name, list(EXECUTORS))}"
        raise FoundationError(message)
    return find_executor(name) if name else None


@dataclass
class SourceFolders(dg.Component, dg.Resolvable):
    """Loads the folders of `dlthub/` with dlt: each resource in them is an asset.

    The rest of the project is unchanged: it keeps its executor, and its assets are evaluated by sensors of its own.
    """

    path: Annotated[
        Path | None,
        dg.Resolver(
            _resolve_path,
            model_field_type=str | None,
            description="The folder dlthub/, or the folder that holds it, relative to this file. Default: the project.",
            examples=["../../../../dlthub"],
        ),
    ] = None
    translator: Annotated[
        SourceTranslator | None,
        dg.Resolver(
            _resolve_translator,
            model_field_type=str | None,
            description="Dotted path of a subclass of data_foundation.SourceTranslator, which decides the attributes "
            "of every asset, or of an instance of it.",
            examples=["my_project.translator.CompanyTranslator"],
        ),
    ] = None
    executor: Annotated[
        dg.ExecutorDefinition | None,
        dg.Resolver(
            _resolve_executor,
            model_field_type=Literal["side_by_side", "multiprocess", "in_process"] | None,
            description="Default executor of all jobs of the project. side_by_side: the sources of a run are threads "
            "of one process. Default: the executor of the project.",
        ),
    ] = None

    @override
    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Returns the definitions of all source folders.

        Raises:
            FoundationError: There is no folder `dlthub`.
        """
        root = self._find_root(context)
        name = _name_of(context)
        built = build_part(root, build_warehouse(root), self.translator or SourceTranslator(), name=name)
        return dg.Definitions(
            assets=built.assets,
            asset_checks=built.asset_checks,
            jobs=built.jobs,
            schedules=built.schedules,
            sensors=list(_limited_sensors(built, name)),
            executor=self.executor,
            metadata=built.metadata,
        )

    def _find_root(self, context: dg.ComponentLoadContext) -> Path:
        path = self.path or context.project_root
        root = path.parent if path.name == FOLDER else path
        if (root / FOLDER).is_dir():
            return root
        got = f"got '{self.path}'" if self.path else f"not set, and the project is {root}"
        message = (
            f"{context.path}: path: {got}; accepted: the folder {FOLDER}, or the folder that holds it, relative to "
            f"defs.yaml. There is no {root / FOLDER}: create a source there, or change path"
        )
        raise FoundationError(message)


def _name_of(context: dg.ComponentLoadContext) -> str:
    """Returns the name of a component that no other one of the project has: its folder below `defs/`, and its number.

    The number is that in a `defs.yaml` with several components, of which the first has none.
    """
    folder, number = context.path.relative_to(context.defs_module_path), context.component_path.instance_key
    return "__".join(dagster_name(part) for part in (*folder.parts, str(number or "")) if part) or FOLDER


def _limited_sensors(built: dg.Definitions, name: str) -> Iterator[dg.SensorDefinition]:
    """Yields the sensors, of which those for automation evaluate the assets of this component only.

    The sensor of `build_definitions` evaluates all assets of a code location, and would also start those of the project
    whose own sensor is stopped.
    """
    keys = [spec.key for spec in built.resolve_all_asset_specs()]
    for sensor in built.sensors or ():
        if isinstance(sensor, dg.AutomationConditionSensorDefinition):
            yield dg.AutomationConditionSensorDefinition(
                f"{name}_automation",
                target=dg.AssetSelection.assets(*keys),
                default_status=sensor.default_status,
                minimum_interval_seconds=sensor.minimum_interval_seconds,
            )
        else:
            yield sensor
