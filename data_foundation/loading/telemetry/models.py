"""Sends events of OpenLineage for the models and tests of a dbt build, which OpenLineage reads in dbt's artifacts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from openlineage.common.provider.dbt.facets import ParentRunMetadata  # type: ignore[import-untyped] # ships none
from openlineage.common.provider.dbt.processor import DbtArtifactProcessor  # type: ignore[import-untyped] # the same
from typing_extensions import override

from data_foundation.loading.telemetry.dataset_names import PRODUCER, namespace_of
from data_foundation.loading.telemetry.lineage import run_uuid
from data_foundation.loading.telemetry.sender import find_sender
from data_foundation.process_wide.redaction import redact
from data_foundation.warehouses.settings import lineage_namespace

if TYPE_CHECKING:
    from pathlib import Path

    from data_foundation.warehouses.base import Warehouse


class _Artifacts(DbtArtifactProcessor):  # type: ignore[misc] # the same
    """The artifacts in a target folder. OpenLineage's own reader evaluates the profile, whose filters it lacks."""

    def __init__(self, target: Path, warehouse: Warehouse, run_id: str) -> None:
        super().__init__(PRODUCER, lineage_namespace())
        self._target = target
        self._warehouse = warehouse
        self.dbt_run_metadata = ParentRunMetadata(run_uuid(run_id), "run", lineage_namespace())

    @override
    def get_dbt_metadata(self) -> tuple[Any, Any, dict[str, str], None]:
        manifest, results = (
            json.loads((self._target / name).read_bytes()) for name in ("manifest.json", "run_results.json")
        )
        return manifest, results, {"type": self._warehouse.kind}, None

    @override
    def extract_dataset_namespace(self, profile: Any) -> None:
        self.dataset_namespace = namespace_of(self._warehouse)

    @override
    def dbt_run_run_facet(self) -> dict[str, Any]:
        return {}


def send_models(target: Path, warehouse: Warehouse, run_id: str) -> None:
    """Sends the events of the build whose artifacts are in a folder, and waits a few seconds for the receiver.

    Args:
        target: dbt's target folder.
        warehouse: The warehouse in which dbt has built.
        run_id: The id of the run that has started dbt.
    """
    sender = find_sender()
    for event in _Artifacts(target, warehouse, run_id).parse().events():
        if query := (event.job.facets or {}).get("sql"):
            query.query = redact(query.query)
        sender.put(event)
    sender.finish()
