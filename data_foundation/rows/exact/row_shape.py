"""The tables and columns that the keys of dict rows become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from data_foundation.errors import ValueRefused
from data_foundation.naming import UNICODE
from data_foundation.rows.exact.schema_preview import EMPTY_KEY
from data_foundation.rows.exact.value_rules import DEEPEST, describe

if TYPE_CHECKING:
    from data_foundation.rows.exact.schema_preview import SchemaPreview

# Columns that dlt fills. A root row may bring its own id.
_OWN_ID = "_dlt_id"
_DLT_KEYS = frozenset({"_dlt_load_id", "_dlt_parent_id", "_dlt_list_idx", "_dlt_root_id", _OWN_ID})
_LONGEST_TABLE_NAME = 200
"""Bytes; the rest of a file name is for what dlt adds to the table's name."""

Path = tuple[str, ...]
"""The keys that lead to a value; "[]" stands for an item of a list."""


class RowContext:
    """What all tables of one resource share.

    Attributes:
        preview: The predicted schema of the load.
        number: The number of the row that is being checked, from 1; 0 before the first.
    """

    def __init__(self, preview: SchemaPreview) -> None:
        self.preview = preview
        self.number = 0

    def refuse(self, path: Path, reason: str) -> ValueRefused:
        """Returns the error for a value of the row that is being checked.

        Args:
            path: The keys that lead to it.
            reason: Why it cannot be loaded; `<column>` stands for the path as a user writes it.
        """
        column = spell_path(path)
        places = [f"row {self.number}"] * bool(self.number) + [f"column {column}"] * bool(column)
        where = ", ".join(places) + ": " if places else ""
        return ValueRefused(where + reason.replace("<column>", column))


def spell_path(path: Path) -> str:
    """Returns a path as a user writes it: `items[].name`."""
    return ".".join(path).replace(".[]", "[]")


class TableShape:
    """The columns of one table, and the keys that become them.

    Attributes:
        context: What all tables share.
        preview: The predicted schema of the load.
        name: The name of the table.
        parent: The name of its parent, "" for the root table.
        row: The keys of an item that is an object.
        wrapped: The key `list` of an item that is a list itself, which counts as one more level of nesting.
    """

    def __init__(self, context: RowContext, name: str, parent: str, path: Path, level: int) -> None:
        if len(name.encode()) > _LONGEST_TABLE_NAME:
            reason = "nested lists give a table whose name is too long for a file; set max_table_nesting"
            raise context.refuse(path[:3], reason)
        self.context, self.preview = context, context.preview
        self.name, self.parent = name, parent
        self._owners: dict[str, tuple[Path, Any]] = {}
        self.row = ObjectShape(self, path, (), level)
        self.wrapped = ObjectShape(self, path, (), level - 1)

    def claim(self, name: str, path: Path, key: Any) -> None:
        """Notes that a key becomes column `name`, or with "[]" in front the child table of that name.

        Raises:
            ValueRefused: Another key of the row has the same column name; one value would overwrite the other.
        """
        owner, _ = claimed = self._owners.setdefault(name, (path, key))
        if claimed != (path, key):
            keys = f"'{'.'.join(owner)}' and '{'.'.join(path)}'"
            advice = "" if keys.isascii() else f', or set `naming = "{UNICODE}"` in [schema] of .dlt/config.toml'
            raise self.context.refuse(
                path, f"the keys {keys} become one name, {name.removeprefix('[]')}; rename one of them{advice}"
            )


def root_shape(preview: SchemaPreview) -> TableShape:
    """Returns the shape of the root table, before its first row."""
    return TableShape(RowContext(preview), preview.table, "", (), preview.levels)


class ObjectShape:
    """The keys of a row, or of an object inside it, which becomes columns of the same table.

    Attributes:
        table: The table.
        path: The keys that lead to the object.
    """

    def __init__(
        self, table: TableShape, path: Path, names: tuple[str, ...], level: int, row_level: int | None = None
    ) -> None:
        if len(path) > DEEPEST:
            reason = f"got nested values deeper than {DEEPEST} levels, or a value that contains itself"
            raise table.context.refuse(path[:3], reason)
        self.table, self.path = table, path
        self._names, self._level = names, level
        self._row_level = level if row_level is None else row_level
        self._columns: dict[Any, str] = {}
        self._objects: dict[Any, ObjectShape] = {}
        self._lists: dict[Any, TableShape] = {}

    def column(self, key: Any, value: Any) -> str:
        """Returns the name of the column that a key becomes.

        Raises:
            ValueRefused: The key cannot name a column.
        """
        if key not in self._columns:
            name = self.table.preview.shorten(*self._names, self._key_name(key))
            if reason := self._why_no_key(key, name, value):
                raise self.table.context.refuse((*self.path, str(key)), reason)
            self._columns[key] = name
        return self._columns[key]

    def claim(self, name: str, key: Any) -> None:
        """Notes that a key becomes a column.

        Raises:
            ValueRefused: Another key does.
        """
        self.table.claim(name, (*self.path, str(key)), key)

    def object(self, key: Any) -> ObjectShape:
        """Returns the shape of the objects under a key, which become columns of the same table."""
        if key not in self._objects:
            names, path = (*self._names, self._key_name(key)), (*self.path, str(key))
            self._objects[key] = ObjectShape(self.table, path, names, self._level - 1, self._row_level)
        return self._objects[key]

    def child_table(self, key: Any) -> TableShape:
        """Returns the shape of the child table that the lists under a key become."""
        if key not in self._lists:
            table, path = self.table, (*self.path, str(key))
            name = table.preview.shorten(table.name, *self._names, table.preview.normalize_table(str(key)))
            if name == table.name:
                raise table.context.refuse(path, "got a list under an empty key, which names no table; rename it")
            table.claim(f"[]{name}", path, key)
            self._lists[key] = TableShape(table.context, name, table.name, (*path, "[]"), self._row_level - 1)
        return self._lists[key]

    def known_keys(self) -> Iterator[tuple[Any, str, ObjectShape | None, TableShape | None]]:
        """Yields every known key, its column, and the shapes of the objects and of the lists under it."""
        for key, name in list(self._columns.items()):
            yield key, name, self._objects.get(key), self._lists.get(key)

    def is_json(self, column: str) -> bool:
        """Returns whether a dict or a list in this column stays one value."""
        return self.table.preview.is_json(self.table.name, column, self._level)

    def is_nullable(self, column: str) -> bool:
        """Returns whether a column accepts None; its type may still be unknown."""
        return self.table.preview.is_nullable(self.table.name, column)

    def _why_no_key(self, key: Any, name: str, value: Any) -> str:
        if not isinstance(key, str | int) or isinstance(key, bool):
            return f"got a key that is {describe(key)}; keys are names of columns: text, or a whole number"
        if isinstance(key, str) and not key.isascii() and key.encode(errors="replace").decode() != key:
            return "got a key that cannot be written, it has a lone surrogate; rename it"
        if name == _OWN_ID and not self.table.parent:
            return "" if isinstance(value, str) else f"got {describe(value)}; an id is text"
        return "dlt fills a column of this name itself; rename the key" if name in _DLT_KEYS else ""

    def _key_name(self, key: Any) -> str:
        text = str(key)
        return self.table.preview.normalize_key(text) if text.strip() else EMPTY_KEY
