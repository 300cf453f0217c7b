"""One resource into its table: attempts, one attempt's steps, and the result.

`parallel` loads many resources at a time, `attempts` locks and retries one, `load` lists the steps of an attempt.
`pipeline` is the dlt pipeline of a table, `schema/` keeps its schema true, `entries/` builds what it extracts,
`siblings/` is what the loads of one run share. Loads that an earlier run left pending are handled in `pending_loads`
and `finish_pending`, ranges in `ranges/`, failures in `failures/`.
Dagster is not known here. Begin with `load.Load.run`.
"""
