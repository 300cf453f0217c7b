"""`foundation ui`: pages on this machine to look at tables, loads and schemas, and to run a SELECT; nothing is written.

`server` starts it, `app` has the pages, `guard` refuses every other program and person. `overview` and `table_page`
collect what a page shows, `look` reads the warehouse without holding up a load, `plots` and `formats` draw it. The HTML
is in `templates/`, without scripts.

Not in here: how tables, schemas and attempts are read, which is the work of `inspection` and `audit`. Begin with `app`.
"""
