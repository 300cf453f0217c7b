"""PostgreSQL as warehouse: one session and one transaction for each load, rows written by COPY.

`warehouse` checks the settings and connects, `destination` loads in a `transaction`, `indexes` are those that a merge
searches, `copy_text` turns parquet into COPY's text, and `errors` translates what the server refuses into the setting
or privilege to change. The driver is an extra, so `warehouse` imports it in functions only.
"""
