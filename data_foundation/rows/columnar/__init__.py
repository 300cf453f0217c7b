"""Pages of dicts as Arrow tables: the tables, types and ids that dlt would make of them, at Arrow's speed.

What is used of dlt's inside was read in dlt 1.31.0; tests/promises/test_columnar.py compares with dlt's own path.
"""
