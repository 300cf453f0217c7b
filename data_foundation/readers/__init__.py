"""Readers: the entries that ship with the framework and read SQL tables, REST endpoints and files.

Each entry is a generator that `sources.yaml` names by its path: `sql.get_table`, `rest.get_endpoint`,
`files.get_rows`. Sources never import it. A reader knows dlt and the configuration, but neither pipelines nor
warehouses. Begin with `registry.py`, then with the entry's `__init__.py`; `ConnectionSettings` reads the settings
of a connection for all three, `ReadAhead` reads in a thread while the rows before are written.
"""
