"""A data lake as warehouse: Delta tables, Iceberg tables or parquet files in Azure, S3, Google's storage or a folder.

`warehouse` checks the settings, and `access` turns them into credentials. Begin with `client`: it explains how a load
without a transaction takes effect as a whole. `load_plan` decides what a load writes, `dataset_files` writes parquet
files, and `delta` and `iceberg` their tables; `open_format` says what both have in common. `turns` decides which
process may write, `turn_files` and `whole_files` keep its files, and `mending` finishes or undoes what a process has
left that was killed or paused. `sql` queries the files, and `models` shows them in the DuckDB file of dbt.
"""
