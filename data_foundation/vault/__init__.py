"""A load as hub and satellites: rows get hashes in columns, and each version of a row is kept once."""
