"""The audit trail: one record of every attempt to load a table.

Begin with `write.py`: each attempt becomes a line of this machine's journal (`journal.py`) and a row of
`raw._load_audit` in the warehouse. `read.py` reads them for commands. Nothing here may make a load fail, and nothing
here knows Dagster or how a load works.
"""
