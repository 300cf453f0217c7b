"""Resources of `sources.yaml` that stand for several tables, each of which becomes a resource of its own.

There are two: `table_patterns`, the tables of a database that match a pattern, and `source_tables`, the resources of a
dlt source. `discovered` reads the file in which `foundation discover` lists them. Begin with `expansion.expand`.
"""
