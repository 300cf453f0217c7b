"""By which columns the files of Delta and Iceberg tables are kept apart, as hints of code and configuration name them.

`hints` reads them from dlt's table schema. How they are applied is a matter of each format: `delta.partitions` and
`iceberg.partitions`.
"""
