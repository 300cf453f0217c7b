"""A page of rows as the Arrow tables that dlt would have made of it one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.libs.pyarrow import columns_to_arrow
from dlt.common.schema.typing import C_DLT_ID, C_DLT_LOAD_ID

from data_foundation.rows.columnar.arrow_conversions import NotColumnar, to_array, without_value
from data_foundation.rows.columnar.column_split import Leaf, Taken, take_apart
from data_foundation.rows.columnar.json_reader import JsonReader
from data_foundation.rows.columnar.row_ids import key_hashes, nested_ids, random_ids, row_hashes

if TYPE_CHECKING:
    from data_foundation.rows.exact.row_validator import Rows

_PARENT_ID, _INDEX, _ROOT_ID = "_dlt_parent_id", "_dlt_list_idx", "_dlt_root_id"


class Converter:
    """Makes Arrow tables of the pages of one resource's table.

    What a new key or a new type of value means is asked of dlt, with the first row that has it; all that follows is
    done in columns.
    """

    def __init__(self, rows: Rows, load_id: str) -> None:
        self._rows = rows
        self._ahead = rows.ahead
        self._load_id = load_id
        self._known: defaultdict[tuple[str, str], set[type]] = defaultdict(set)

    @property
    def has_learned(self) -> bool:
        """Whether a page was converted yet."""
        return bool(self._known)

    def reader(self) -> JsonReader:
        """Returns what reads JSON of which nothing is new by now.

        Raises:
            NotColumnar: All of it has to be read as rows.
        """
        if self._ahead.row_id_type != "random" or not self.has_learned:
            raise NotColumnar("ids that follow from the rows, or nothing that is known of them yet")
        return JsonReader(self._rows.root, self._known)

    def convert_read(self, taken: Taken) -> dict[str, pa.Table]:
        """Returns the tables of JSON that was read, the root first, each with every column that it has by now.

        Raises:
            NotColumnar: It has to be read as rows.
        """
        return self._convert(taken, ())

    def convert(self, page: Sequence[dict[Any, Any]]) -> dict[str, pa.Table]:
        """Returns the tables of rows, the root first, each with every column that it has by now.

        Raises:
            NotColumnar: The page has to go dlt's own way.
            ValueRefused: So it has, and it will be refused there.
        """
        taken = take_apart(self._rows.root, page)
        family = list(taken.family())
        if len({one.name for one in family}) < len(family):
            raise NotColumnar("one child table from two places")
        if new := sorted({index for one in family for index in self._new(one)}):
            self._ahead.explore([page[index] for index in new])
        tables = self._convert(taken, page)
        for one in family:
            for name, kind in _kinds(one):
                self._known[one.name, name].add(kind)
        return tables

    def _convert(self, taken: Taken, page: Sequence[dict[Any, Any]]) -> dict[str, pa.Table]:
        ids: dict[str, pa.Array] = {}
        tables = {}
        for one in taken.family():
            if one.name not in self._ahead.schema.tables:
                raise NotColumnar(f"{one.name}: the schema contract lets it not in")
            columns = self._ahead.schema.get_table_columns(one.name)
            schema = columns_to_arrow(columns, self._ahead.capabilities, "UTC")
            arrays = {
                name: self._array(one.name, name, leaf, schema) for name, leaf in one.leaves.items() if leaf.kinds
            }
            arrays |= self._dlt_columns(one, page, arrays, ids)
            tables[one.name] = _assemble(one.count, arrays, schema)
        return tables

    def _new(self, taken: Taken) -> Iterator[int]:
        """Yields the indexes of rows that show a table, a column or a type of value for the first time."""
        for name, kind in _kinds(taken):
            if kind not in self._known[taken.name, name]:
                values = taken.leaves[name].values if name else ()
                index = next((index for index, value in enumerate(values) if type(value) is kind), 0)
                yield taken.root_row(index)

    def _array(self, table: str, name: str, leaf: Leaf, schema: pa.Schema) -> pa.Array:
        column = self._ahead.column(table, name)
        if column is None:
            raise NotColumnar(f"{name}: the schema contract lets it not in")
        try:
            array = to_array(leaf.values, leaf.kinds, str(column["data_type"]), schema.field(name).type)
        except NotColumnar as error:
            raise NotColumnar(f"{name}: {error}") from error
        is_hashed = pa.types.is_floating(array.type) and self._ahead.row_id_type == "row_hash"
        if is_hashed and not pc.all(pc.is_finite(array)).as_py():
            # To the hash these are None: a change from one to the other would make no version.
            raise NotColumnar(f"{name}: NaN or an infinity in a row whose id follows from it")
        return array

    def _dlt_columns(
        self, taken: Taken, page: Sequence[dict[Any, Any]], arrays: dict[str, pa.Array], ids: dict[str, pa.Array]
    ) -> dict[str, pa.Array]:
        """Returns the columns that dlt adds to a table's rows; notes the rows' ids."""
        parent = taken.parent
        if parent is None:
            own = ids[taken.name] = self._root_ids(taken, page, arrays)
            return {C_DLT_ID: own, C_DLT_LOAD_ID: pa.repeat(self._load_id, taken.count)}
        indexes = pa.array(taken.indexes())
        parents = ids[parent.name].take(pa.array(taken.parents()))
        own = ids[taken.name] = nested_ids(parents, taken.name, indexes)
        columns = {C_DLT_ID: own, _PARENT_ID: parents, _INDEX: indexes}
        if _ROOT_ID in self._ahead.schema.tables[taken.name]["columns"]:
            columns[_ROOT_ID] = _root_ids(taken, ids)
        return columns

    def _root_ids(self, taken: Taken, page: Sequence[dict[Any, Any]], arrays: dict[str, pa.Array]) -> pa.Array:
        kind = self._ahead.row_id_type
        try:
            if kind == "row_hash":
                made = pa.array(row_hashes(page), pa.string())
            elif kind == "key_hash":
                made = pa.array(key_hashes(self._keys(taken)), pa.string())
            else:
                made = random_ids(taken.count)
        except (TypeError, ValueError, RecursionError) as error:
            raise NotColumnar("a value that cannot be written, in a row whose id follows from it") from error
        given = arrays.get(C_DLT_ID)
        if given is None:
            return made
        values = zip(given.to_pylist(), made.to_pylist(), strict=True)
        return pa.array([own or new for own, new in values], pa.string())

    def _keys(self, taken: Taken) -> list[dict[str, Any]]:
        """Returns the primary key of every row."""
        names = self._ahead.primary_key
        if missing := [name for name in names if name not in taken.leaves]:
            raise NotColumnar(f"{', '.join(missing)}: part of the primary key, and not in the rows")
        columns = [taken.leaves[name].values for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _assemble(count: int, arrays: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """Returns a table with the columns of a schema, in its order; those that the page has not are null."""
    made = [arrays[field.name] if field.name in arrays else pa.nulls(count, field.type) for field in schema]
    for field, array in zip(schema, made, strict=True):
        if not field.nullable and array.null_count:
            raise without_value(field.name)
    return pa.Table.from_arrays(made, schema=schema)


def _kinds(taken: Taken) -> Iterator[tuple[str, type]]:
    """Yields column and type of everything that a table's rows hold, and under "" what its lists are of."""
    yield "", taken.of
    for name, leaf in taken.leaves.items():
        for kind in leaf.kinds:
            yield name, kind


def _root_ids(taken: Taken, ids: dict[str, pa.Array]) -> pa.Array:
    """Returns the id of the root's row that each row of a nested table hangs on."""
    if taken.parent is None:
        return ids[taken.name]
    return _root_ids(taken.parent, ids).take(pa.array(taken.parents()))
