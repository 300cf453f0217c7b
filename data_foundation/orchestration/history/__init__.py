"""Dagster's history: `private_files.py` lets only their owner read its files, `killed_loads.py` closes what died.

How events are stored belongs to `orchestration/event_log.py`, what is recorded of a load to `runless/`.
"""
