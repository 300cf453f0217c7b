"""Tables that are not as this project has left them: refused by a load, until they are adopted or made anew.

`unexpected_tables` refuses the first load into a table with rows, and any load into one that is gone; `lost_rows`
notices one that is behind its cursor. `adopt` takes a
table over: with the cursor, schema and hints of the dlt pipeline that has loaded it (`dlt_pipeline` reads these), or as
it is. No row is changed. Begin with `adopt`.
"""
