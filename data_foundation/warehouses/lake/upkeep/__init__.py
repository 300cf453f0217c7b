"""What keeps the tables of a lake fast and small: fewer, larger files, and no versions that nobody needs.

`settings` reads how much is kept, `run` does the work of one table within a turn of it, as a load does. How files are
written anew and versions expire is a matter of each format: `delta.upkeep` and `iceberg.upkeep`.
"""
