"""A data lake as warehouse: Delta tables or parquet files in Azure, in S3 or in a folder.

`warehouse` checks the settings; `access` turns them into credentials, and errors into the setting to change. Begin with
`client`: it explains how a load without a transaction takes effect as a whole. `load_plan` decides what a load writes,
`dataset_files` and `delta` write it, the latter by the commits of `delta_tables`. `turns` decides which process may
write, `turn_files` and `whole_files` keep its files, and `mending` finishes or undoes what a process has left that was
killed or paused. `sql` queries the files.
"""
