"""Reads JSON with Arrow straight into columns, if it has only known keys and types."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from data_foundation.rows.columnar.arrow_conversions import NotColumnar, without_value
from data_foundation.rows.columnar.column_split import ColumnValues, TablePart
from data_foundation.rows.exact.row_shape import ObjectShape, TableShape

Line = Sequence[bytes]
"""The pieces of a line of JSON, with its line end."""

Known = Mapping[tuple[str, str], Collection[type]]
"""The known types of values, by table and column; under column "", the types of the items of a table's lists."""

_ARROW = {
    frozenset[type](): pa.null(),
    frozenset({str}): pa.string(),
    frozenset({int}): pa.int64(),
    frozenset({bool}): pa.bool_(),
    frozenset({float}): pa.float64(),
    frozenset({float, int}): pa.float64(),
}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Field:
    """A key of objects.

    Attributes:
        key: The key in the JSON, or "value" for the items of a list of values.
        name: The column that it becomes.
        kinds: The types of its values, if it becomes a column.
        fields: The keys of its objects, which become columns of the same table; None if it has no objects.
        items: The items of its lists, which become a child table; None if it has no lists.
    """

    key: str
    name: str
    kinds: frozenset[type] = frozenset()
    fields: tuple[Field, ...] | None = None
    items: Items | None = None

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the key's values."""
        if self.items:
            return pa.list_(self.items.arrow)
        return _ARROW[self.kinds] if self.fields is None else _struct(self.fields)


@dataclass(frozen=True)
class Items:
    """The items of lists, which become the rows of a table.

    Attributes:
        table: The table's name.
        of: The type of the items: dict, or object for values; None before the first item.
        fields: The keys of the dicts, or one field for all values.
    """

    table: str
    of: type | None
    fields: tuple[Field, ...] = ()

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of an item."""
        if self.of is dict:
            return _struct(self.fields)
        return self.fields[0].arrow if self.fields else pa.null()


class JsonReader:
    """Reads JSON with the keys and types that were known when it was created.

    Attributes:
        rows: The rows of the root table.
    """

    def __init__(self, table: TableShape, known: Known) -> None:
        """Derives an Arrow schema.

        Args:
            table: The root table.
            known: The types of its values.

        Raises:
            NotColumnar: A column has types that no Arrow type holds together.
        """
        self.rows = Items(table.name, dict, _fields(table.row, table.name, known))
        self._options = pj.ParseOptions(
            explicit_schema=pa.schema([("", pa.list_(self.rows.arrow))]), unexpected_field_behavior="error"
        )

    def read(self, lines: Sequence[Line], *, is_unicode: bool = False) -> TablePart:
        """Returns the columns of lines of JSON, each `{"": [...]}` with an array of objects.

        Args:
            lines: At least one, as pieces.
            is_unicode: Whether they are known to be valid Unicode, which is then not validated.

        Raises:
            NotColumnar: A key, a type or a nesting is unknown, or it is no JSON.
        """
        # A block must hold the longest line; Arrow reads each block on a thread of its own.
        options = pj.ReadOptions(block_size=max(_BLOCK, *(sum(map(len, line)) for line in lines)))
        try:
            # The pieces are copied only here.
            text = pa.BufferReader(b"".join(chain.from_iterable(lines)))
            read = pj.read_json(text, read_options=options, parse_options=self._options)
            column = read[""].combine_chunks()
            column.validate(full=not is_unicode)
        except (pa.ArrowException, ValueError) as error:
            raise NotColumnar("JSON with an unknown key or type") from error
        rows = column.flatten()
        if read.num_rows != len(lines) or column.null_count or rows.null_count:
            raise NotColumnar("a row that is no object")
        part = TablePart(self.rows.table, len(rows))
        _read_struct(self.rows.fields, rows, part)
        return part


def as_line(document: bytes) -> Line:
    """Returns an array of objects, or JSON lines, as one line for `JsonReader`.

    Replacing line breaks is safe: JSON strings cannot contain them.
    """
    text = document.strip()
    if text.startswith(b"{"):
        text = b"[" + b",".join(line for line in text.splitlines() if line.strip()) + b"]"
    return b'{"":', text.replace(b"\n", b" ").replace(b"\r", b" "), b"}\n"


def _struct(fields: Sequence[Field]) -> pa.StructType:
    return pa.struct([(field.key, field.arrow) for field in fields])


def _fields(node: ObjectShape, table: str, known: Known) -> tuple[Field, ...]:
    fields = tuple(
        Field(
            key,
            name,
            frozenset(known.get((table, name), ())),
            _fields(inner, table, known) if inner else None,
            _items(items, known) if items else None,
        )
        for key, name, inner, items in node.known_keys()
    )
    for field in fields:
        if not (field.kinds or node.is_nullable(field.name)):
            raise without_value(field.name)
        if not isinstance(field.key, str):
            raise NotColumnar(f"{field.name}: a key that is no text")
        if field.items and field.fields is not None:
            raise NotColumnar(f"{field.name}: both objects and lists")
        if field.kinds not in _ARROW:
            raise NotColumnar(f"{field.name}: values of several types")
    return fields


def _items(table: TableShape, known: Known) -> Items:
    of = set(known.get((table.name, ""), ()))
    if not of:
        return Items(table.name, None)
    if of == {dict}:
        return Items(table.name, dict, _fields(table.row, table.name, known))
    kinds = frozenset(known.get((table.name, "value"), ()))
    if of == {object} and kinds in _ARROW:
        return Items(table.name, object, (Field("value", "value", kinds),))
    raise NotColumnar(f"{table.name}: lists of several kinds")


def _read_struct(fields: Sequence[Field], rows: pa.StructArray, into: TablePart) -> None:
    for field, values in zip(fields, rows.flatten(), strict=True):
        if field.fields is not None:
            _read_struct(field.fields, values, into)
        elif field.items:
            _read_lists(field.items, values, into)
        else:
            into.columns[field.name] = ColumnValues(values, field.kinds)


def _read_lists(items: Items, lists: pa.ListArray, into: TablePart) -> None:
    values = lists.flatten()
    if not len(values):
        return
    if items.of is None:
        raise NotColumnar(f"{items.table}: the first item")
    lengths = pc.list_value_length(lists).fill_null(0).cast(pa.int64()).to_numpy()
    child = TablePart(items.table, len(values), into, lengths, items.of)
    into.children.append(child)
    if items.of is dict:
        _read_struct(items.fields, values, child)
    else:
        child.columns["value"] = ColumnValues(values, items.fields[0].kinds)
