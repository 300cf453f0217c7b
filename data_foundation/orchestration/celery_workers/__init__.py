"""Runs of Dagster on several machines without Kubernetes: each run is a task of Celery, which any worker takes.

`run_launcher` is named by `dagster.yaml` and starts the runs, `look_out` finds runs whose worker is gone, `app` is what
a worker serves. Only who imports one of them needs Celery. Begin with `run_launcher`.
"""
