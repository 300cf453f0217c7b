"""Delta as a format of the lake."""

from __future__ import annotations

from data_foundation.warehouses.lake.delta import tables, upkeep, writing


class DeltaFormat:
    """The functions that a load needs of Delta tables; see `OpenFormat`."""

    begin = staticmethod(tables.DeltaLoadTables)
    find = staticmethod(tables.find_table)
    change_rows = staticmethod(writing.change_rows)
    write_tables = staticmethod(writing.write_tables)
    undo = staticmethod(tables.undo)
    undo_unlanded = staticmethod(tables.undo_unlanded)
    compact = staticmethod(upkeep.compact)
    expire = staticmethod(upkeep.expire)
