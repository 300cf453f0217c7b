"""A data lake as warehouse: Delta tables, Iceberg tables or parquet files in Azure, in S3 or in a folder.

`warehouse` checks the settings; `access` turns them into credentials, and errors into the setting to change;
`catalogue_address` finds the catalogue of Iceberg tables. Begin with `client`: it explains how a load without a
transaction takes effect as a whole. `load_plan` decides what a load writes, `dataset_files` writes parquet files, and
`delta` and `iceberg` their tables; `open_format` says what both have in common. `turns` decides which process may
write, `turn_files` and `whole_files` keep its files, and `mending` finishes or undoes what a process has left that was
killed or paused. `sql` queries the files.
"""
