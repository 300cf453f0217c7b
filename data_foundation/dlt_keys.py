"""Keys under which the framework keeps values in dlt's schemas and in its metrics of a resource."""

CLUSTER_BY = "x-cluster-by"
"""dlt's hint of a table that holds the columns of `cluster_by`, in their order."""

PII = "x-pii"
"""dlt's hint of a column whose values land as hashes: `hash`."""

ROOT = "root"
"""dlt's metric of a resource under which an entry finds the repository that its source stands in."""

ASKED = "asked"
"""dlt's metric of a resource under which an entry finds whether somebody asked for a range, "range", or for a few rows,
"sample"; "" where the run goes on from where the last one ended."""

UNCHANGED = "unchanged"
"""dlt's metric of a resource under which an entry says why it read nothing: nothing has changed since the last load."""

WARNINGS = "warnings"
"""dlt's metric of a resource under which an entry says what a person should know although nothing failed: a list."""

FAILED_PARTS = "failed_parts"
"""dlt's metric of a resource under which an entry says which parts failed alone, and why: a dict of text to text."""
