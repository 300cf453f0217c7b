"""The audit trail: every attempt to load a table, written and read."""
