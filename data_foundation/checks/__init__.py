"""Checks of a table after its load, and of its rows before it.

`rules.py` has one class for each check, `run.py` decides which checks a resource has and runs them. `tag_contract.py`
and `failed_parts.py` are used before rows are written. A check reads the table with SELECT alone; nothing here writes,
loads or knows Dagster. Begin with `run.py`.
"""
