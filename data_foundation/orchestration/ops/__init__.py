"""The op of a source: how it is built (`op`), its parameters (`launchpad`), what it does in a run (`run`), its stop.

Begin with `run.ingest_resources`.
"""
