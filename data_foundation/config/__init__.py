"""The grammar of `sources.yaml`, `tags.yaml` and `alerts.yaml`: the keys, what each accepts, and where a mistake is.

A file is read by `yaml_document`, which keeps the line of every value. `grammar` holds the models of a resource and of
`source:`, `named_sources` applies the blocks of `sources:`. `fields`, `schedules`, `scalars` and `check_fields` hold
what single keys accept, in each spelling; `alerts/` is the grammar of `alerts:`. `messages` turns pydantic's errors
into sentences. Nothing here runs code of a source, opens a connection, or knows dlt or Dagster; only `table_names`
spells tables as dlt's naming convention does. Begin with `grammar.ResourceConfig`.
"""
