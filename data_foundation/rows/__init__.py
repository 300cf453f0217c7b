"""The way of a yielded row into the load package: intake, check or convert, write.

Read from the top: `intake_step` takes in every yielded item, `item_tables` names its table, and the `table_intake` of
that table decides by its kind; `page_buffer` gathers dicts and JSON to pages, whose rows `held_rows` holds as they were
yielded; `page_route` sends each page on, in columns through columnar/ or, if that is not
possible, row by row through exact/; `package_files` writes it. Frames are checked by `exact.arrow_validator` and passed
on to dlt. `pipe_steps`, `pii` and `early_copies` hold the steps before the intake, `json_documents` reads JSON. No
module here knows configuration, warehouses or Dagster; imports point down in the order of this paragraph, and exact/
imports nothing of the rest.
"""
