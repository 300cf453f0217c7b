"""The op of a source: how it is built (`op`), what it does in a run (`run`), and how a run stops it (`stop`).

Begin with `run.ingest_resources`.
"""
