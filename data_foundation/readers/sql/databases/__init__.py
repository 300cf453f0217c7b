"""One module for each kind of database: PostgreSQL, SQLite, and all others through SQLAlchemy.

Each describes the columns of a table and reads the rows of a SELECT as Arrow tables with exact types. Which SELECT is
sent is decided in the room above. Begin with `sqlite`, the shortest.
"""
