"""A data lake as warehouse: Delta tables or parquet files in Azure, in S3 or in a folder.

`warehouse` checks the settings; `access` turns them into credentials, and errors into the setting to change. Begin with
`client`: it explains how a load without a transaction takes effect as a whole. `load_plan` decides what a load writes,
`dataset_files` and `delta` write it, `write_ahead_note` keeps the note for the next run, and `sql` queries the files.
"""
