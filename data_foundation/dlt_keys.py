"""Keys of the values that the framework stores in dlt's schemas and in dlt's metrics of a resource."""

CLUSTER_BY = "x-cluster-by"
"""Table hint: the columns of `cluster_by`, in their order."""

ROW_HASH = "x-row-hash"
"""Table hint: `landed` if the ids of scd2 are hashes of what lands; dlt's own depend on how a value is written."""

SET_ASIDE = "x-set-aside"
"""Table hint: True if a reader writes to the table what it cannot load; nothing depends on its rows."""

PARTITION_TRANSFORM = "x-partition-transform"
"""Column hint: Iceberg's transform of the values of a column with the hint `partition`, for instance `day`."""

PII = "x-pii"
"""Column hint: `hash` if the column's values are loaded as hashes."""

OWN_STATE = "data_foundation"
"""Key of the framework's own state, beside those of the sources."""

ROOT = "root"
"""Resource metric, for the entry: the root folder of the repository that contains its source."""

ROOT_KEY = "root_key"
"""Resource metric: True if the source of the resource gives nested tables the id of their root row, whatever the
disposition."""

REQUESTED = "asked"
"""Resource metric, for the entry: "range" if a range was requested, "sample" if a limited number of rows, "" if the run
continues from the stored cursor."""

UNCHANGED = "unchanged"
"""Resource metric, by the entry: the reason why it read nothing, if nothing has changed since the last load."""

SOURCE_KEYS = "source_keys"
"""Resource metric, by a reader: where the keys of the source are, which `deleted` compares with those of the table."""

FIRST_LOAD = "first_load"
"""Resource metric, by a reader: whether this part of a first load is the last, and the cursor's value after that."""

WARNINGS = "warnings"
"""Resource metric, by the entry: a list of warnings."""

FAILED_PARTS = "failed_parts"
"""Resource metric, by the entry: a dict of the parts that failed while the others were read, with the reasons."""

NOT_NULL = "x-not-null"
"""Column hint: True if the table refuses NULL in the column although neither code nor configuration does."""

COLUMN_DESCRIPTIONS = {
    "_dlt_id": "dlt's id of the row; items of the row's lists carry it as `_dlt_parent_id`.",
    "_dlt_load_id": "Id of the load that wrote the row; `_dlt_loads` has its time.",
    "_dlt_parent_id": "`_dlt_id` of the row that the item belongs to.",
    "_dlt_list_idx": "Position of the item in its list, from 0.",
    "_dlt_root_id": "`_dlt_id` of the row of the top table that the item belongs to.",
    "_dlt_valid_from": "Time from which this version of the row is valid.",
    "_dlt_valid_to": "Time until which this version of the row was valid; NULL for the current one.",
}
"""Descriptions of the columns that dlt adds to a table."""

VAULT = "x-vault"
"""Table hint of a satellite: when it was opened, its names for the tag's columns, and the columns of its key."""
