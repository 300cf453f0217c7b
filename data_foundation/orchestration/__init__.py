"""The Dagster code location: the only room that imports Dagster.

It turns the folders found by `project` into assets, checks, ops and automation conditions, runs loads inside ops, and
reports their results as Dagster events. How rows are read, converted or loaded does not belong here: that works without
Dagster too, and lives in `loading` and below.

Begin with `factory.build_definitions`; `translator` decides the attributes of an asset, `ops/` what a source's op
does in a run, `automation` when assets run without a person.
"""
