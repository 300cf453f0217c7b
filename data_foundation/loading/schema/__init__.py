"""What a table is, decided before its first row is read: stored schema, hints in force and the table as it stands.

`keeper` does it for one load. `table_as_it_is` gives the schema the columns that the table really has, `hints_in_force`
takes out what neither code nor configuration declares any more, `rebuilds` refuses what only a new table can do, and
`type_changes` compares types: equal, changed in the warehouse where no value is lost, or refused. `normalized_files`
finds what a load will write. No row is read here.
"""
