"""Loads one resource into its table: lock, attempts, extraction, transaction, pending loads and the result.

Begin with `load.py`, whose `Load.run` lists the steps of one load in order; each step is a module of its own.
`attempts.py` runs it under the resource's lock, with retries and the audit trail, and `parallel.py` runs many
resources at once. Nothing here knows Dagster (orchestration/), converts rows (rows/) or speaks the SQL of one engine
(warehouses/).
"""
