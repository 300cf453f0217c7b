"""Alerts in Dagster: the sensor that reports runs that have ended and overdue tables, and the schedule of the digest.

`run_events` finds what happened in a run's event log, `memory` is what the sensor remembers between its evaluations.
What a message contains, and how it is sent, is decided in the room `data_foundation.alerts`. Begin with `sensor`.
"""
