"""One resource into its table: attempts, one attempt's steps, and the result.

`parallel` loads many resources at a time, `attempts` locks one and retries it, `load` lists the steps of an attempt.
`pipeline` is the dlt pipeline of a table; `dlt_resource` builds what it extracts. A pending load of an earlier run is in
`pending_loads` and `finish_pending`, the range of a run in `ranges/`, a failure in `failures/`. Dagster is not known
here. Begin with `load.Load.run`.
"""
