"""Tables that exist before this project loads them: refused by a load, until they are adopted.

`unknown_tables` refuses the first load into such a table. `adopt` takes a table over: with the cursor, schema and hints
of the dlt pipeline that has loaded it (`dlt_pipeline` reads these), or as it is. No row is changed. Begin with `adopt`.
"""
