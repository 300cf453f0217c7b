"""Steps that what an entry yields passes on its way into the table."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from dlt.extract.items_transform import ItemTransform
from typing_extensions import override

from data_foundation.rows.json_documents import is_document, read_document


def is_frame(value: object) -> bool:
    """Tells whether `value` is an Arrow table or batch, or a pandas or polars frame."""
    return type(value).__module__.split(".")[0] in ("pyarrow", "pandas", "polars")


class Step(ItemTransform[Any, Any]):
    """A step that has a state of its own; dlt's own steps are made of a function."""

    def __init__(self) -> None:
        super().__init__(lambda item: item)

    @override
    def __call__(self, item: Any, meta: Any = None) -> Any:
        """Passes what dlt hands over on to `take`."""
        return self.take(item)

    @abstractmethod
    def take(self, item: Any) -> Any:
        """Returns what goes on of `item` (a row, a list of rows or a frame), None for nothing."""


class Pages(Step):
    """Makes a list of a tuple of rows, a row of a named tuple: dlt takes either for one row without columns."""

    def __init__(self, *, read: bool) -> None:
        """Takes whether JSON is read here, because a step that follows looks at rows."""
        super().__init__()
        self._read = read

    @override
    def take(self, item: Any) -> Any:
        if self._read and is_document(item):
            return read_document(item)
        if not isinstance(item, tuple):
            return item
        return item._asdict() if hasattr(item, "_asdict") else list(item)


class Take(Step):
    """Lets the first `count` rows through, cutting the page that passes it."""

    # Behind dlt's cursor, so that rows which it leaves out do not count, and before dlt's limit, which ends the entry.
    placement_affinity = 1.05

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    @override
    def take(self, item: Any) -> Any:
        """Returns the part of `item` (a row, a list of rows or a frame) that still fits, or None."""
        if self._left <= 0:
            return None
        item = read_document(item) if is_document(item) else item
        if isinstance(item, list) or is_frame(item):
            taken = item[: self._left]
            self._left -= len(taken)
            return taken
        self._left -= 1
        return item


class SeenColumns(Step):
    """Remembers the names of every column that passes, and how many rows."""

    placement_affinity = 0.95

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.rows = 0

    @override
    def take(self, item: Any) -> Any:
        if isinstance(item, list):
            for row in item:
                self.names.update(row if isinstance(row, Mapping) else ())
            self.rows += len(item)
        elif isinstance(item, Mapping):
            self.names.update(item)
            self.rows += 1
        elif is_frame(item):
            self.names.update(getattr(item, "column_names", None) or list(item.columns))
            self.rows += len(item)
        return item
