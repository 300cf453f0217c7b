"""The cursor of `incremental`: which rows are new, and which rows of the table a load replaces.

`table_cursor` is dlt's incremental with the rules of this project; the room `ranges` makes one for each run. Its parts:
`landed_order` and `text_order` compare values by what lands in the table, `position` holds how far a run has come,
`known_rows` recognises the rows that were loaded at the stored value, and `row_filters` apply all of it to dicts and to
frames. `stored_cursors` finds what earlier loads have stored. Nothing here opens a connection.
"""
