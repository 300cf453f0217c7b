"""Replaces personal values by keyed hashes, in rows, JSON and frames, before later steps receive them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import pyarrow as pa
from dlt.extract import DltResource
from typing_extensions import override

from data_foundation.errors import ValueRefused
from data_foundation.naming import normalize
from data_foundation.rows.exact.arrow_validator import as_arrow
from data_foundation.rows.exact.value_rules import Unacceptable, is_frame, plain
from data_foundation.rows.json_documents import is_document, read_document
from data_foundation.rows.pipe_steps import Step
from data_foundation.suggestions import nearest


def hash_value(value: Any, key: bytes) -> str | None:
    """Returns HMAC-SHA-256 of a value's text in hexadecimal digits, None for None.

    Text is neither trimmed nor case-folded; numbers are written as Python does, booleans as JSON does, times in ISO
    8601, and lists and objects as JSON with sorted keys.
    """
    return None if value is None else hmac.digest(key, _text(value), "sha256").hex()


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, Enum):
        return _text(value.value)
    if isinstance(value, bool) or isinstance(unpacked := plain(value), dict | list):
        return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, default=str).encode(errors="surrogatepass")
    text = unpacked.isoformat() if hasattr(unpacked, "isoformat") else str(unpacked)
    return text.encode(errors="surrogatepass")


class HashStep(Step):
    """Replaces the values of some columns by their hashes, at any depth.

    JSON documents become rows, and frames become Arrow tables. The source's own objects are not changed.
    """

    # After the source's own steps, and before dlt's cursor, which stores digests of rows.
    placement_affinity = 0.9

    def __init__(self, columns: Iterable[str], key: str) -> None:
        """Names what is hashed.

        Args:
            columns: Their names, as the configuration or the warehouse spells them.
            key: The key of the hashes.
        """
        super().__init__()
        self._columns = frozenset(map(normalize, columns))
        self._above = {
            name.rsplit("__", depth)[0] for name in self._columns for depth in range(1, name.count("__") + 1)
        }
        self._key = key.encode()
        self._names: dict[tuple[str, Any], str] = {}
        self._names_met: dict[str, None] = {}
        self._hashed: set[str] = set()

    @override
    def take(self, item: Any) -> Any:
        if isinstance(item, list):
            return [hashed for one in item for hashed in self._items(one)]
        if is_document(item):
            return self._items(item)
        return self._items(item)[0]

    def warnings(self) -> list[str]:
        """Returns one warning for each column that no row had: a misspelt name protects no data."""
        missing = self._columns - self._hashed if self._names_met else ()
        return [
            f"columns.{name} has pii: hash, and no row has this column{nearest(name, list(self._names_met))}"
            for name in sorted(missing)
        ]

    def _items(self, item: Any) -> list[Any]:
        if is_document(item):
            return [self._row(row) for row in read_document(item)]
        return [self._frame(item) if is_frame(item) else self._row(item)]

    def _row(self, item: Any) -> Any:
        row = plain(item)
        if isinstance(row, dict):
            return self._object(row, "")
        # An item that is no object is loaded into a column `value`.
        return self._object({"value": row}, "") if "value" in self._columns and row is not None else item

    def _object(self, row: Mapping[Any, Any], above: str) -> Mapping[Any, Any]:
        """Returns a row, or an object inside it, with hashes: a copy if any value was hashed."""
        changed: dict[Any, Any] | None = None
        for key, value in row.items():
            name = self._name(above, key)
            if name in self._columns:
                new: Any = hash_value(value, self._key)
            elif name in self._above:
                new = self._nested(value, name)
            else:
                continue
            changed = dict(row) if changed is None else changed
            changed[key] = new
        return row if changed is None else changed

    def _nested(self, value: Any, name: str) -> Any:
        inner = plain(value)
        if isinstance(inner, dict):
            return self._object(inner, name)
        return [self._nested(one, name) for one in inner] if isinstance(inner, list) else value

    def _name(self, above: str, key: Any) -> str:
        """Returns the column that a key becomes, and records it."""
        if (above, key) not in self._names:
            own = normalize(str(key)) if str(key).strip() else ""
            name = f"{above}__{own}" if above else own
            self._names[above, key] = name
            self._names_met[name] = None
            if name in self._columns:
                self._hashed.add(name)
        return self._names[above, key]

    def _frame(self, frame: Any) -> Any:
        try:
            table = as_arrow(frame)
        except Unacceptable:
            return frame  # the intake step refuses it, with the reason
        columns = []
        for original, column in zip(table.column_names, table.columns, strict=True):
            name = self._name("", original)
            if name in self._columns:
                columns.append(pa.array([hash_value(one, self._key) for one in column.to_pylist()], pa.string()))
            elif name in self._above and pa.types.is_nested(column.type):
                kind = self._type(column.type, name)
                columns.append(pa.array([self._nested(one, name) for one in column.to_pylist()], kind))
            else:
                columns.append(column)
        return type(table).from_arrays(columns, names=table.column_names)

    def _type(self, kind: pa.DataType, name: str) -> pa.DataType:
        """Returns a nested Arrow type with text in place of the hashed values' types."""
        if name in self._columns:
            return pa.string()
        if pa.types.is_map(kind):
            raise ValueRefused(f"column {name}: a map, into which `pii: hash` does not reach; yield structs, or dicts")
        if pa.types.is_struct(kind):
            return pa.struct([(field.name, self._type(field.type, self._name(name, field.name))) for field in kind])
        return pa.list_(self._type(kind.value_type, name)) if pa.types.is_nested(kind) else kind


def find_unhashed(resource: DltResource) -> list[str]:
    """Returns one warning for each column of a resource that was to be hashed and that no row had."""
    steps = resource._pipe.steps  # noqa: SLF001 - our own step is among them
    return [warning for step in steps if isinstance(step, HashStep) for warning in step.warnings()]
