"""`foundation discover`: what a resource of `sources.yaml` stands for, if it stands for several tables.

`discover` writes `discovered.yaml`; `matching_tables` reads the tables of a database, `source_resources` builds a dlt
source, which is the only moment when code of a source runs outside a load. What is read from the file is in
`config.several`. Begin with `discover`.
"""
