"""Names the table that an item goes to: its mark, its hints or a function of the code do, if the code fills several."""

from __future__ import annotations

from collections.abc import ItemsView
from typing import Any

from dlt.extract import DltResource
from dlt.extract.hints import HintsMeta
from dlt.extract.items import TableNameMeta

from data_foundation.errors import ValueRefused
from data_foundation.rows.exact.arrow_validator import as_arrow
from data_foundation.rows.exact.value_rules import describe, is_frame
from data_foundation.rows.json_documents import is_document, read_document


class ItemTables:
    """The tables of one resource's items, as its code spells them."""

    def __init__(self, resource: DltResource) -> None:
        self._resource = resource
        self._hints: dict[str, Any] = {}
        self._function: Any = None
        self._take_function()

    def _take_function(self) -> None:
        """Takes the function that names tables off the resource: dlt calls it for rows only, and not for frames."""
        if self._resource.has_dynamic_table_name:
            self._function = self._resource.table_name
            self._resource.apply_hints(table_name="")

    def learn_hints(self, meta: Any) -> bool:
        """Applies hints that come with an item to the resource, as dlt's extractor does; returns whether they are new.

        Raises:
            ValueRefused: The hints move the resource's own table.
        """
        if not isinstance(meta, HintsMeta) or not meta.hints:
            return False
        name = self.name_of(meta)
        if self._hints.get(name) == meta.hints:
            return False
        table = meta.hints.get("table_name")
        if not name and isinstance(table, str) and table != self._resource.name:
            raise ValueRefused(
                f"the hints of an item name the table {table}, and `destination` the table {self._resource.name}; "
                "leave table_name out of the hints, or give them with create_table_variant=True, for a table of its own"
            )
        # As the resource's own hints have it: files of rows are Parquet.
        self._resource.merge_hints({**meta.hints, "file_format": "parquet"}, meta.create_table_variant)
        self._hints[name] = meta.hints
        self._take_function()
        return True

    @property
    def is_dynamic(self) -> bool:
        """Whether a function of the code names the table of each row."""
        return self._function is not None

    def name_of(self, meta: Any) -> str:
        """Returns the table that the mark of an item names, "" if it names none."""
        if isinstance(meta, TableNameMeta):
            return str(meta.table_name)
        if isinstance(meta, HintsMeta) and meta.create_table_variant and meta.hints:
            return str(meta.hints["table_name"])
        return ""

    def split(self, item: Any) -> ItemsView[str, list[Any]]:
        """Returns the rows or frames of an item by the table that the code's function names for each.

        Raises:
            ValueRefused: The function returned no name.
        """
        tables: dict[str, list[Any]] = {}
        for one in item if isinstance(item, list) else [item]:
            for row in read_document(one) if is_document(one) else [one]:
                part = as_arrow(row) if is_frame(row) else row
                name = self._function(part)
                if not isinstance(name, str) or not name.strip():
                    message = (
                        f"the function `table_name` of the entry returned {describe(name)} for a row; accepted: text"
                    )
                    raise ValueRefused(message)
                tables.setdefault(name, []).append(part)
        return tables.items()
