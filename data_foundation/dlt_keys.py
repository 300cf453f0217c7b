"""Keys of the framework's values in dlt's schemas and in dlt's metrics of a resource."""

CLUSTER_BY = "x-cluster-by"
"""dlt's hint of a table that holds the columns of `cluster_by`, in their order."""

PII = "x-pii"
"""dlt's hint of a column whose values land as hashes: `hash`."""

ROOT = "root"
"""Metric of a resource: the path of the repository, for the entry."""

ASKED = "asked"
"""Metric of a resource, for the entry: "range" if the run sets a range, "sample" if it sets a limit, "" if it continues
at the stored cursor."""

UNCHANGED = "unchanged"
"""Metric of a resource, set by the entry if the source has not changed: a sentence on why it read nothing."""

WARNINGS = "warnings"
"""Metric of a resource, set by the entry: a list of warnings."""

FAILED_PARTS = "failed_parts"
"""Metric of a resource, set by the entry: a dict of parts that failed alone to the reasons."""
