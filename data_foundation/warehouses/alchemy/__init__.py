"""`WAREHOUSE=sqlalchemy`: MariaDB, MySQL, SQLite and other databases, through dlt's `sqlalchemy` destination.

`warehouse` resolves dlt's own settings and opens one session for each load; `destination` makes each load one
transaction of it, `session` executes in it. `dialects` holds what only one database has, `types` the types that keep
every value, `rows_to_sql` writes rows as statements. Not in here: destinations that SQLAlchemy does not reach.
"""
