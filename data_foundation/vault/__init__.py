"""Turns a normalised load into rows of a data vault: satellites with versions of rows, and a hub with their keys.

Begin with `landing`, which `loading` calls between dlt's normalisation and load; `hashes` computes the hashes of rows
and keys, `canonical_text` the text that is hashed, `dlt_tables` the tables for dlt's schema. Nothing here connects to
the warehouse: which rows are new is decided by dlt's merge.
"""
