"""PostgreSQL as warehouse: one session and one transaction for each load, rows written by COPY.

`warehouse` checks the settings and connects, `destination` loads, `copy_text` turns parquet into COPY's text, and
`errors` translates what the server refuses into the setting or privilege to change. The driver is an extra, so
only `destination`, `errors` and functions of `warehouse` import it.
"""
