"""JSON that nobody has read yet, read straight into columns; what is new or odd in it is left to be read as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from data_foundation.columnar.columns import NotColumnar
from data_foundation.columnar.tree import Leaf, Taken
from data_foundation.exact.tables import Object, Table

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


def read_json(table: Table, known: Known, documents: Sequence[bytes]) -> Taken:
    """Returns the columns of JSON documents of which nothing is new.

    Args:
        table: The root table, whose names and nesting are dlt's.
        known: What was met so far.
        documents: Arrays of objects; or JSON lines.

    Raises:
        NotColumnar: There is a key, a type or a shape that was not met, or no JSON.
    """
    kind = pa.list_(_struct(table.row, table.name, known))
    # Line breaks mean nothing between the values of an array, and cannot be inside of them.
    lines = b"\n".join(b'{"":' + _as_array(document) + b"}" for document in documents)
    try:
        read = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(block_size=max(_BLOCK, *(len(document) + 8 for document in documents))),
            parse_options=pj.ParseOptions(explicit_schema=pa.schema([("", kind)]), unexpected_field_behavior="error"),
        )
        column = read[""].combine_chunks()
        column.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise NotColumnar("JSON in which something is new") from error
    rows = column.flatten()
    if read.num_rows != len(documents) or column.null_count or rows.null_count:
        raise NotColumnar("a row that is no object")
    taken = Taken(table.name, len(rows))
    _take_struct(table.row, rows, known, taken)
    return taken


def _as_array(document: bytes) -> bytes:
    text = document.strip()
    if text.startswith(b"{"):
        return b"[" + b",".join(line for line in text.splitlines() if line.strip()) + b"]"
    return text.replace(b"\n", b" ").replace(b"\r", b" ")


def _struct(node: Object, table: str, known: Known) -> pa.StructType:
    fields = []
    for key, name, inner, items in node.shape():
        if inner and items:
            raise NotColumnar(f"{name}: objects and lists in turns")
        if inner:
            fields.append((key, _struct(inner, table, known)))
        elif items:
            fields.append((key, pa.list_(_items(items, known))))
        else:
            fields.append((key, _leaf(table, name, known)))
    return pa.struct(fields)


def _items(table: Table, known: Known) -> pa.DataType:
    of = set(known.get((table.name, ""), ()))
    if of == {dict}:
        return _struct(table.row, table.name, known)
    if of == {object}:
        return _leaf(table.name, "value", known)
    raise NotColumnar(f"{table.name}: lists of several kinds")


def _leaf(table: str, name: str, known: Known) -> pa.DataType:
    kinds = frozenset(known.get((table, name), ()))
    if kinds not in _ARROW:
        raise NotColumnar(f"{name}: values of several types")
    return _ARROW[kinds]


def _take_struct(node: Object, rows: pa.StructArray, known: Known, into: Taken) -> None:
    for (_, name, inner, items), values in zip(node.shape(), rows.flatten(), strict=True):
        if inner:
            _take_struct(inner, values, known, into)
        elif items:
            _take_lists(items, values, known, into)
        else:
            into.leaves[name] = Leaf(values, frozenset(known.get((into.name, name), ())))


def _take_lists(table: Table, lists: pa.ListArray, known: Known, into: Taken) -> None:
    items = lists.flatten()
    if not len(items):
        return
    of = next(iter(known[table.name, ""]))
    child = Taken(table.name, len(items), into, pc.list_value_length(lists).fill_null(0).to_pylist(), of)
    into.children.append(child)
    if of is dict:
        _take_struct(table.row, items, known, child)
    else:
        child.leaves["value"] = Leaf(items, frozenset(known.get((table.name, "value"), ())))
