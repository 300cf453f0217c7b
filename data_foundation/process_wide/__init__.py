"""Everything that changes the whole process; no other room may change it when it is imported.

- `at_import`: an environment variable for dlt and a filter of warnings, set when the framework is imported.
- `preload`: the garbage collector of the server that steps are forked from.
- `redaction`: the log record factory, which masks secrets.
- `masked_output`: sys.stdout and sys.stderr while a command or a load runs, and the file descriptors 1 and 2, which
  child processes inherit.
- `source_log`: a handler on the loggers of sources; `warnings.showwarning` while a load is watched.
- `dlt_memo`: two functions of dlt's modules, replaced by memoised ones.
- `dlt_libraries`: four functions of dlt's, replaced by ones that do not find a library while it is being imported.
- `dlt_traces`: dlt's record of resolved settings, emptied before and restored after each load.
- `abandoned_threads`: the end of a process in which a thread of a stopped load still runs.
- `arrow_memory`: Arrow's default memory pool.

Elsewhere, when it is called: `warehouses.settings` adds `.env` and DLT_PROJECT_DIR to the environment,
`project.source_import` adds sources to sys.modules, `orchestration.factory` stops the garbage collector while it builds
definitions. `secret_settings` and `secret_names` change nothing: they find the secrets that `redaction` masks;
`known_secrets` finds their spellings in a text, which `text_views` decodes. Begin with `redaction`.
"""
