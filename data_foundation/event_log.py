"""Dagster's event log under the name that copies of `deploy/dagster.yaml` have."""

from data_foundation.orchestration.event_log import KeptSqliteEventLog

__all__ = ["KeptSqliteEventLog"]
