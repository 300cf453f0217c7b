"""JSON that nobody has read yet, read straight into columns; what is new or odd in it is left to be read as rows."""

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
"""The pieces of a line of JSON, its end included."""

Known = Mapping[tuple[str, str], Collection[type]]
"""The types of values that were met, by table and column; under "" what the items of a table's lists are."""

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
    """What one key of objects holds.

    Attributes:
        key: In the JSON; "value" where it stands for the items of a list.
        name: The column that it becomes.
        kinds: The types of its values, where it is a column.
        fields: The keys of its objects, which become columns of the same table.
        items: What its lists hold, which become a table.
    """

    key: str
    name: str
    kinds: frozenset[type] = frozenset()
    fields: tuple[Field, ...] | None = None
    items: Items | None = None

    @property
    def arrow(self) -> pa.DataType:
        """The type that Arrow reads the key's values as."""
        if self.items:
            return pa.list_(self.items.arrow)
        return _ARROW[self.kinds] if self.fields is None else _struct(self.fields)


@dataclass(frozen=True)
class Items:
    """What becomes the rows of a table.

    Attributes:
        table: Its name.
        of: dict, or object where the items are values; None where no item was met yet.
        fields: The keys of the dicts; of values one, that stands for all.
    """

    table: str
    of: type | None
    fields: tuple[Field, ...] = ()

    @property
    def arrow(self) -> pa.DataType:
        """The type that Arrow reads an item as."""
        if self.of is dict:
            return _struct(self.fields)
        return self.fields[0].arrow if self.fields else pa.null()


class JsonReader:
    """Reads JSON of which nothing is new.

    Attributes:
        rows: What is read, as it was known when the reader was made.
    """

    def __init__(self, table: TableShape, known: Known) -> None:
        """Takes what was met so far.

        Args:
            table: The root table, whose names and nesting are dlt's.
            known: The types of its values.

        Raises:
            NotColumnar: No column of Arrow's takes them all.
        """
        self.rows = Items(table.name, dict, _fields(table.row, table.name, known))
        self._options = pj.ParseOptions(
            explicit_schema=pa.schema([("", pa.list_(self.rows.arrow))]), unexpected_field_behavior="error"
        )

    def read(self, lines: Sequence[Line], *, is_unicode: bool = False) -> TablePart:
        """Returns the columns of lines of JSON, each `{"": [...]}` with an array of objects.

        Args:
            lines: At least one, as pieces.
            is_unicode: They are known to be; Arrow does not look while it reads.

        Raises:
            NotColumnar: There is a key, a type or a shape that was not met, or no JSON.
        """
        # Each of Arrow's threads reads a block.
        options = pj.ReadOptions(block_size=max(_BLOCK, *(sum(map(len, line)) for line in lines)))
        try:
            # Long texts are copied once.
            text = pa.BufferReader(b"".join(chain.from_iterable(lines)))
            read = pj.read_json(text, read_options=options, parse_options=self._options)
            column = read[""].combine_chunks()
            column.validate(full=not is_unicode)
        except (pa.ArrowException, ValueError) as error:
            raise NotColumnar("JSON in which something is new") from error
        rows = column.flatten()
        if read.num_rows != len(lines) or column.null_count or rows.null_count:
            raise NotColumnar("a row that is no object")
        taken = TablePart(self.rows.table, len(rows))
        _take_struct(self.rows.fields, rows, taken)
        return taken


def as_line(document: bytes) -> Line:
    """Returns an array of objects, or JSON lines, as a line that `JsonReader` reads.

    Line breaks mean nothing between the values of an array, and cannot be inside of them.
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
            raise NotColumnar(f"{field.name}: objects and lists in turns")
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


def _take_struct(fields: Sequence[Field], rows: pa.StructArray, into: TablePart) -> None:
    for field, values in zip(fields, rows.flatten(), strict=True):
        if field.fields is not None:
            _take_struct(field.fields, values, into)
        elif field.items:
            _take_lists(field.items, values, into)
        else:
            into.leaves[field.name] = ColumnValues(values, field.kinds)


def _take_lists(items: Items, lists: pa.ListArray, into: TablePart) -> None:
    values = lists.flatten()
    if not len(values):
        return
    if items.of is None:
        raise NotColumnar(f"{items.table}: the first item")
    lengths = pc.list_value_length(lists).fill_null(0).cast(pa.int64()).to_numpy()
    child = TablePart(items.table, len(values), into, lengths, items.of)
    into.children.append(child)
    if items.of is dict:
        _take_struct(items.fields, values, child)
    else:
        child.leaves["value"] = ColumnValues(values, items.fields[0].kinds)
