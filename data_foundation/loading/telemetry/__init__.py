"""What other programs see of a run while it loads: spans and metrics of OpenTelemetry, events of OpenLineage.

`observers` is the only door: it finds what the environment switches on, and nothing else here is imported until then.
`otlp` exports spans and `metrics` numbers, through `exporters`; `lineage` sends events of tables and `models` those of
dbt, through `sender`. Nothing here changes, delays or fails a load.
"""
