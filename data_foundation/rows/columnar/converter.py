"""Converts a page of rows to the Arrow tables that dlt would make of it row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.libs.pyarrow import columns_to_arrow
from dlt.common.schema.typing import C_DLT_ID, C_DLT_LOAD_ID

from data_foundation.rows.columnar.arrow_conversions import NotColumnar, to_array, without_value
from data_foundation.rows.columnar.column_split import ColumnValues, TablePart, split_page
from data_foundation.rows.columnar.json_reader import JsonReader
from data_foundation.rows.columnar.row_ids import key_hashes, nested_ids, random_ids, row_hashes
from data_foundation.rows.exact.landed_hash import landed_hashes
from data_foundation.rows.exact.new_numbers import EXACT

if TYPE_CHECKING:
    from data_foundation.rows.exact.row_shape import TableShape

_PARENT_ID, _INDEX, _ROOT_ID = "_dlt_parent_id", "_dlt_list_idx", "_dlt_root_id"


class Converter:
    """Converts the pages of one resource.

    dlt itself infers the meaning of a new key or type, from the first row that has it; the rest is done in columns.
    """

    def __init__(self, shape: TableShape, load_id: str) -> None:
        self._shape = shape
        self._preview = shape.preview
        self._load_id = load_id
        self._known: defaultdict[tuple[str, str], set[type]] = defaultdict(set)

    @property
    def has_learned(self) -> bool:
        """Whether a page was converted."""
        return bool(self._known)

    def reader(self) -> JsonReader:
        """Returns a reader of JSON that has only known keys and types.

        Raises:
            NotColumnar: All JSON must be read as rows.
        """
        if self._preview.row_id_type != "random" or not self.has_learned:
            raise NotColumnar("ids that are made from the rows, or no row before")
        return JsonReader(self._shape, self._known)

    def convert_columns(self, part: TablePart) -> dict[str, pa.Table]:
        """Returns the tables of columns that Arrow read, the root first, each with every column that it has so far.

        Raises:
            NotColumnar: The JSON must be read as rows.
        """
        return self._convert(part, ())

    def convert(self, page: Sequence[dict[Any, Any]]) -> dict[str, pa.Table]:
        """Returns the tables of rows, the root first, each with every column that it has so far.

        Raises:
            NotColumnar: The rows must be checked one by one.
            ValueRefused: So they must, and one will be refused.
        """
        root = split_page(self._shape, page)
        family = list(root.family())
        if len({one.name for one in family}) < len(family):
            raise NotColumnar("one child table from two places")
        if new := sorted({index for one in family for index in self._new(one)}):
            self._preview.explore([page[index] for index in new])
        tables = self._convert(root, page)
        for one in family:
            for name, kind in _kinds(one):
                self._known[one.name, name].add(kind)
        return tables

    def _convert(self, root: TablePart, page: Sequence[dict[Any, Any]]) -> dict[str, pa.Table]:
        ids: dict[str, pa.Array] = {}
        tables = {}
        for one in root.family():
            if one.name not in self._preview.schema.tables:
                raise NotColumnar(f"{one.name}: the schema contract does not allow this table")
            columns = self._preview.schema.get_table_columns(one.name)
            schema = columns_to_arrow(columns, self._preview.capabilities, "UTC")
            arrays = {
                name: self._array(one.name, name, given, schema) for name, given in one.columns.items() if given.kinds
            }
            arrays |= self._dlt_columns(one, page, arrays, ids)
            tables[one.name] = _assemble(one.count, arrays, schema)
        return tables

    def _new(self, part: TablePart) -> Iterator[int]:
        """Yields the indexes of rows with the first value of a table, of a column or of a type in it."""
        for name, kind in _kinds(part):
            if kind not in self._known[part.name, name]:
                values = part.columns[name].values if name else ()
                index = next((index for index, value in enumerate(values) if type(value) is kind), 0)
                yield part.root_row(index)

    def _array(self, table: str, name: str, given: ColumnValues, schema: pa.Schema) -> pa.Array:
        column = self._preview.column(table, name)
        if column is None:
            raise NotColumnar(f"{name}: the schema contract does not allow this column")
        try:
            array = to_array(given.values, given.kinds, str(column["data_type"]), schema.field(name).type)
        except NotColumnar as error:
            raise NotColumnar(f"{name}: {error}") from error
        if pa.types.is_integer(array.type) and self._preview.numbers.has(table, name):
            least, most = pc.min_max(array).as_py().values()
            if least is not None and not (least in EXACT and most in EXACT):
                self._preview.numbers.note_wide(table, name)
        is_hashed = pa.types.is_floating(array.type) and self._preview.row_id_type == "row_hash"
        if is_hashed and not pc.all(pc.is_finite(array)).as_py():
            # dlt hashes them as None: a change from one to the other would make no version.
            raise NotColumnar(f"{name}: NaN or an infinity in a row whose id is a hash of it")
        return array

    def _dlt_columns(
        self, part: TablePart, page: Sequence[dict[Any, Any]], arrays: dict[str, pa.Array], ids: dict[str, pa.Array]
    ) -> dict[str, pa.Array]:
        """Returns the columns that dlt adds to a table's rows; enters the rows' ids into `ids`."""
        parent = part.parent
        if parent is None:
            own = ids[part.name] = self._root_ids(part, page, arrays)
            return {C_DLT_ID: own, C_DLT_LOAD_ID: pa.repeat(self._load_id, part.count)}
        indexes = pa.array(part.indexes())
        parents = ids[parent.name].take(pa.array(part.parents()))
        own = ids[part.name] = nested_ids(parents, part.name, indexes)
        columns = {C_DLT_ID: own, _PARENT_ID: parents, _INDEX: indexes}
        if _ROOT_ID in self._preview.schema.tables[part.name]["columns"]:
            columns[_ROOT_ID] = _root_ids(part, ids)
        return columns

    def _root_ids(self, part: TablePart, page: Sequence[dict[Any, Any]], arrays: dict[str, pa.Array]) -> pa.Array:
        kind = self._preview.row_id_type
        try:
            if kind == "row_hash":
                hashes = landed_hashes(page, self._preview) if self._preview.hashes_landed else row_hashes(page)
                made = pa.array(hashes, pa.string())
            elif kind == "key_hash":
                made = pa.array(key_hashes(self._keys(part)), pa.string())
            else:
                made = random_ids(part.count)
        except (TypeError, ValueError, RecursionError) as error:
            raise NotColumnar("a value that cannot be written, in a row whose id is a hash of it") from error
        given = arrays.get(C_DLT_ID)
        if given is None:
            return made
        values = zip(given.to_pylist(), made.to_pylist(), strict=True)
        return pa.array([own or new for own, new in values], pa.string())

    def _keys(self, part: TablePart) -> list[dict[str, Any]]:
        """Returns the primary key of every row."""
        names = self._preview.primary_key
        if missing := [name for name in names if name not in part.columns]:
            raise NotColumnar(f"{', '.join(missing)}: part of the primary key, and not in the rows")
        columns = [part.columns[name].values for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _assemble(count: int, arrays: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """Returns a table with the columns of a schema, in its order, null where the page has none."""
    made = [arrays[field.name] if field.name in arrays else pa.nulls(count, field.type) for field in schema]
    for field, array in zip(schema, made, strict=True):
        if not field.nullable and array.null_count:
            raise without_value(field.name)
    return pa.Table.from_arrays(made, schema=schema)


def _kinds(part: TablePart) -> Iterator[tuple[str, type]]:
    """Yields the columns of a part with each type of their values, and "" with the type of its lists' items."""
    yield "", part.of
    for name, column in part.columns.items():
        for kind in column.kinds:
            yield name, kind


def _root_ids(part: TablePart, ids: dict[str, pa.Array]) -> pa.Array:
    """Returns the id of the root row that each row is nested in."""
    if part.parent is None:
        return ids[part.name]
    return _root_ids(part.parent, ids).take(pa.array(part.parents()))
