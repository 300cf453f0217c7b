"""Loads without Dagster, for the command line, for scripts and for tests of a source.

In here: the selection of resources by name, a run of them with a daily log file, and the preview of one resource in
memory. Neither printing nor Dagster belongs here; the load of one resource is in `loading`.

Begin with `run.run_sources`, the public function.
"""
