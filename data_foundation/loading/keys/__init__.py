"""Compares the keys by which a merge finds rows.

`shared_keys.py` compares the rows of one load before they are written, and `key_change.py` the configured key with the
one by which the rows of the table were merged.
"""
