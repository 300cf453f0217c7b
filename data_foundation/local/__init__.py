"""Loading without Dagster: from the command line and from Python."""
