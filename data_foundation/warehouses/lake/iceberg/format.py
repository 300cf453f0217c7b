"""Iceberg as a format of the lake."""

from __future__ import annotations

from data_foundation.warehouses.lake.iceberg import tables, upkeep, writing


class IcebergFormat:
    """The functions that a load needs of Iceberg tables; see `OpenFormat`."""

    begin = staticmethod(tables.IcebergLoadTables)
    find = staticmethod(tables.open_fenced)
    change_rows = staticmethod(writing.change_rows)
    write_tables = staticmethod(writing.write_tables)
    undo = staticmethod(tables.undo)
    undo_unlanded = staticmethod(tables.undo_unlanded)
    compact = staticmethod(upkeep.compact)
    expire = staticmethod(upkeep.expire)
