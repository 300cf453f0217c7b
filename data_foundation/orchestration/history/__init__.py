"""The files of Dagster's history on this machine: `private_files.py` lets only their owner read them.

How events are stored belongs to `orchestration/event_log.py`, what is recorded of a load to `runless/`.
"""
