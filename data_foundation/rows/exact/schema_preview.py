"""Predicts, during extraction, the schema that dlt infers at normalisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, cast

from dlt.common.configuration.container import Container
from dlt.common.data_types import coerce_value
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.json import helpers
from dlt.common.schema import Schema
from dlt.common.schema.exceptions import CannotCoerceColumnException, CannotCoerceNullException, DataValidationError
from dlt.common.schema.typing import (
    C_DLT_ID,
    C_DLT_LOAD_ID,
    TColumnSchema,
    TPartialTableSchema,
    TSchemaTables,
    TTableSchema,
)
from dlt.common.schema.utils import dlt_id_column, has_table_seen_data, is_complete_column, normalize_table_identifiers
from dlt.normalize.configuration import NormalizeConfiguration
from dlt.normalize.items_normalizers.jsonl import JsonLItemsNormalizer

from data_foundation.dlt_keys import ROW_HASH
from data_foundation.rows.exact.new_numbers import EXACT, NewNumbers
from data_foundation.rows.exact.value_rules import Unacceptable, as_written, standing_for

Mode = Literal["freeze", "discard_row", "discard_value"]
EMPTY_KEY = "_empty"

_NO_NONE = "got None for a column that is not nullable; yield a value, or leave the row out"
_EVOLVES_ONCE = cast("Any", {"evolve-columns-once": True})
_NO_TIME = (OverflowError, OSError)
"""Raised by dlt's conversion of a number to a time outside every calendar; OSError comes from the system."""

# KeyError: a row lacks a part of the primary key that its id is made of. TypeError: a value of such a row cannot be
# written.
_NOT_TAKEN = (
    DataValidationError,
    CannotCoerceNullException,
    CannotCoerceColumnException,
    *_NO_TIME,
    KeyError,
    TypeError,
)


def _coerce(wanted: Any, kind: Any, value: Any) -> Any:
    """Converts a value as dlt does, but leaves text of a JSON column as it is: see `as_json_text`."""
    return value if (wanted, kind) == ("json", "text") else coerce_value(wanted, kind, value)


@dataclass(frozen=True)
class Landing:
    """Where one value will be stored.

    Attributes:
        column: The column, None if the contract does not allow the value.
        value: The value as dlt sends it to the warehouse.
        mode: The contract's mode if it does not allow the value, else None.
        entity: The part of the contract: tables, columns or data_type.
    """

    column: TColumnSchema | None = None
    value: Any = None
    mode: Mode | None = None
    entity: str = ""

    def discard(self, place: str) -> str:
        """Returns a phrase that begins with the mode and names what is discarded at a place.

        Raises:
            Unacceptable: The mode is freeze.
        """
        what = {"tables": "a new table", "columns": "a new column", "data_type": "a value of another type"}
        rule = f"schema_contract {self.entity}: {self.mode}"
        if self.mode == "freeze":
            advice = "let it in with evolve, or leave it out of the rows"
            raise Unacceptable(f"{what[self.entity]}, which {rule} forbids; {advice}")
        where = f"{place}: " if place else ""
        return f"{self.mode} {where}{what[self.entity]} ({rule})"


class SchemaPreview:
    """A copy of the table's schema, into which every new column and type is entered as the rows pass.

    Attributes:
        schema: The predicted schema.
        table: Name of the root table.
        holds: `rows` if the table was made of dicts, `frames` if of Arrow tables, None if it is new.
        capabilities: The destination's capabilities.
        refusal: Has a mode if the contract does not allow the root table.
        id_name: The name of the column of ids.
        load_id_name: The name of the column of load ids.
        hashes_landed: Whether ids of type row_hash are made by `landed_hash`.
        numbers: The integer columns that may become columns of doubles.
        row_id_type: How dlt makes the ids of the root table's rows: random, row_hash or key_hash.
    """

    def __init__(self, schema: Schema, hints: TTableSchema, nested: list[TTableSchema]) -> None:
        self.schema = schema.clone()
        # dlt's extract step puts them there.
        self.capabilities = Container()[DestinationCapabilitiesContext]
        root, *children = [normalize_table_identifiers(table, self.schema.naming) for table in (hints, *nested)]
        self.table = str(root["name"])
        self.id_name, self.load_id_name = map(self.schema.naming.normalize_identifier, (C_DLT_ID, C_DLT_LOAD_ID))
        self.holds: Literal["rows", "frames"] | None = None
        if (stored := self.schema.tables.get(self.table)) and has_table_seen_data(stored):
            self.holds = "rows" if self.id_name in stored["columns"] else "frames"
        self._declared = {
            (table["name"], name)
            for table in (root, *children)
            for name, column in table["columns"].items()
            if column.get("data_type")
        }
        self.refusal = Landing()
        for table in (root, *children):
            self._enter_hints(table)
        # Read now: later, another thread may be replacing the tables.
        self.hashes_landed = cast("Any", root).get(ROW_HASH) == "landed"
        self.row_id_type = str(helpers.get_root_row_id_type(self.schema, self.table))
        naming = self.schema.naming
        self.normalize_key = lru_cache(maxsize=None)(partial(helpers.normalize_identifier, self.schema, naming))
        self.normalize_table = lru_cache(maxsize=None)(partial(helpers.normalize_table_identifier, self.schema, naming))
        self.shorten = naming.shorten_fragments
        self.numbers = NewNumbers(self.schema, self._declared)
        self._coercion = self._begin_coercion()

    def _begin_coercion(self) -> JsonLItemsNormalizer:
        # A new one, because a normaliser reads once from the hints which ids child tables get, and caches per table.
        self.schema.data_item_normalizer = type(self.schema.data_item_normalizer)(self.schema)
        settings = NormalizeConfiguration()
        settings.destination_capabilities = self.capabilities
        missing = cast("Any", None)  # writers of files; nothing is written here
        made = JsonLItemsNormalizer(missing, missing, missing, self.schema, "", settings)
        cast("Any", made)._coerce_type = _coerce  # noqa: SLF001 - dlt's own function, for one kind of value
        coerce_row = made._coerce_row  # noqa: SLF001 - dlt's own function, after the columns of numbers are doubles

        def coerce_numbers(table: str, parent: str, row: Mapping[str, Any]) -> Any:
            self.numbers.widen_for(table, row)
            return coerce_row(table, parent, row)

        cast("Any", made)._coerce_row = coerce_numbers  # noqa: SLF001 - as above
        return made

    @property
    def decimals(self) -> tuple[int, int]:
        """Precision and scale of a decimal whose column declares none."""
        return self.capabilities.decimal_precision

    def is_declared(self, table: str, name: str) -> bool:
        """Returns whether the configuration or the entry declares the column's type."""
        return (table, name) in self._declared

    def column(self, table: str, name: str) -> TColumnSchema | None:
        """Returns a column, or None if it has no type yet."""
        column = self._column_hints(table, name)
        return column if column and is_complete_column(column) else None

    def is_nullable(self, table: str, name: str) -> bool:
        """Returns whether a column accepts None, even if it has no type yet."""
        column = self._column_hints(table, name)
        return column is None or bool(column.get("nullable", True))

    def _column_hints(self, table: str, name: str) -> TColumnSchema | None:
        return self.schema.tables.get(table, {}).get("columns", {}).get(name)

    def is_json(self, table: str, name: str, level: int) -> bool:
        """Returns whether a dict or a list stays one value; `level` is the number of nested levels still allowed."""
        return bool(self.schema.data_item_normalizer._is_nested_type(table, name, level))  # type: ignore[attr-defined]  # noqa: SLF001

    @property
    def levels(self) -> int:
        """The number of nested levels that become tables and columns."""
        most = cast("Any", self.schema.data_item_normalizer).max_nesting
        return cast("int", helpers.get_table_nesting_level(self.schema, self.table, most))

    def explore(self, rows: Sequence[Any]) -> None:
        """Enters the new tables, columns and types of rows, in the order in which dlt would meet them.

        What the schema contract does not allow is not entered.

        Raises:
            Unacceptable: dlt could not write a row and read it back unchanged.
        """
        written = [as_written(standing_for(row)) for row in rows]
        try:
            self._coercion._normalize_chunk(self.table, written, may_have_pua=False, skip_write=True)  # noqa: SLF001
        except _NOT_TAKEN as error:
            raise Unacceptable(type(error).__name__) from error

    def snapshot(self) -> TSchemaTables:
        """Returns a copy of all tables, for `restore`."""
        return deepcopy(self.schema.tables)

    def restore(self, tables: TSchemaTables) -> None:
        """Forgets what was entered since `snapshot` returned `tables`, and what the contract discarded."""
        if self.schema.tables != tables:
            self.schema.tables.clear()
            self.schema.tables.update(deepcopy(tables))
        # dlt discards a column that it discarded once from later rows too, or those rows, even if its value is None.
        self._coercion = self._begin_coercion()

    @property
    def primary_key(self) -> list[str]:
        """The columns of the primary key."""
        return helpers.get_primary_key(self.schema, self.table)

    def land(self, table: str, parent: str, name: str, value: Any) -> Landing:
        """Returns where a value will be stored, and enters a new column or type.

        Raises:
            Unacceptable: No column accepts the value.
        """
        try:
            row, partial = self._coercion._coerce_row(table, parent, {name: value})  # noqa: SLF001
        except CannotCoerceNullException:
            raise Unacceptable(_NO_NONE) from None
        except _NO_TIME:
            raise Unacceptable("got a time that is outside of the years 1 to 9999 in UTC; yield it as text") from None
        except CannotCoerceColumnException as error:
            raise Unacceptable(
                f"got a value that is neither {error.to_type} nor what its variant column holds; convert it"
            ) from None
        if value is None:
            # dlt checks a column without a type only when it writes the rows; its error names no row.
            if not self.is_nullable(table, name):
                raise Unacceptable(_NO_NONE)
            return Landing()
        ((column, landed),) = row.items()
        if partial and (refused := self._enter(partial, parent)):
            return refused
        if isinstance(value, int) and value not in EXACT and self.numbers.has(table, name):
            self.numbers.note_wide(table, name)
        return Landing(self.schema.tables[table]["columns"][column], landed)

    def enter_column(self, column: TColumnSchema) -> Landing:
        """Enters a column of the root table; the result has a mode if the contract does not allow it."""
        return self._enter({"name": self.table, "columns": {str(column["name"]): column}}, "") or Landing()

    def enter_table(self, table: str, parent: str) -> Landing:
        """Enters a child table, whose first row may have any column; see `enter_column`."""
        partial: TPartialTableSchema = {"name": table, "parent": parent, "columns": {}}
        if refused := self._enter(partial, parent):
            return refused
        self.schema.tables[table]["x-normalizer"] = _EVOLVES_ONCE.copy()
        return Landing()

    def end_first_row(self, table: str) -> None:
        """Applies the contract to new columns of a child table from now on."""
        entered = self.schema.tables[table]
        del entered["x-normalizer"]
        entered["columns"][C_DLT_ID] = dlt_id_column()

    def _enter(self, partial: TPartialTableSchema, parent: str) -> Landing | None:
        refused = self._refused(partial, parent)
        if not refused:
            self.schema.update_table(partial, normalize_identifiers=False)
        return refused

    def _refused(self, partial: TPartialTableSchema, parent: str) -> Landing | None:
        name = str(partial["name"])
        contract = self.schema.resolve_contract_settings_for_table(
            name if name in self.schema.tables else parent or name
        )
        variant = any(column.get("variant") for column in partial["columns"].values())
        _, filters = self.schema.apply_schema_contract(contract, partial, raise_on_freeze=False)
        if not filters:
            return None
        entity, _, mode = filters[0]
        known = [column for column in filters if self.column(name, column[1])]
        return Landing(mode=cast("Mode", mode), entity="data_type" if variant or known else entity)

    def _enter_hints(self, table: TTableSchema) -> None:
        contract = self.schema.resolve_contract_settings_for_table(str(table["name"]), table)
        is_root = table["name"] == self.table
        if is_root and contract["columns"] != "evolve" and self.schema.is_new_table(self.table):
            # As the extract step does: a new table may get all its columns in its first load.
            table["x-normalizer"] = _EVOLVES_ONCE.copy()
        partial, filters = self.schema.apply_schema_contract(contract, table, raise_on_freeze=False)
        if partial:
            self.schema.update_table(partial, normalize_identifiers=False, merge_compound_props=False)
        elif is_root:
            self.refusal = Landing(mode=cast("Mode", filters[0][2]), entity="tables")
