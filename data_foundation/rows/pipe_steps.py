"""The pipe steps that yielded items pass before the intake step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

from dlt.extract.items_transform import ItemTransform
from typing_extensions import override

from data_foundation.naming import normalize
from data_foundation.rows.exact.value_rules import is_frame
from data_foundation.rows.json_documents import is_document, read_document


class Step(ItemTransform[Any, Any]):
    """A pipe step with state; dlt's own steps wrap a function."""

    def __init__(self) -> None:
        super().__init__(lambda item: item)

    @override
    def __call__(self, item: Any, meta: Any = None) -> Any:
        """Passes an item from dlt to `take`."""
        return self.take(item)

    @abstractmethod
    def take(self, item: Any) -> Any:
        """Returns what the next step receives for `item` (a row, a list of rows or a frame), None for nothing."""


class UnpackItems(Step):
    """Converts items into rows and frames: tuples to lists, named tuples to dicts, polars queries to their results.

    dlt would treat either kind of tuple as one row without columns.
    """

    def __init__(self, *, parses_json: bool, decimals: Collection[str] = ()) -> None:
        """Begins a pipe.

        Args:
            parses_json: Whether JSON documents become rows here, because a later step reads rows.
            decimals: Columns of decimals, as the configuration or the warehouse spells them: documents become rows for
                them too, see `read_document`.
        """
        super().__init__()
        self._parses_json = parses_json or bool(decimals)
        self._decimals = frozenset(map(normalize, decimals))

    @override
    def take(self, item: Any) -> Any:
        if type(item) is dict:
            return item
        if self._parses_json and is_document(item):
            return read_document(item, self._decimals)
        if isinstance(item, tuple):
            return item._asdict() if hasattr(item, "_asdict") else list(item)
        if isinstance(item, list):
            return [_computed(one) for one in item] if item and is_frame(item[0]) else item
        return _computed(item)


def _computed(item: Any) -> Any:
    """Returns the DataFrame of a polars LazyFrame, and anything else unchanged."""
    return item.collect() if is_frame(item) and type(item).__name__ == "LazyFrame" else item


class TakeFirst(Step):
    """Passes the first `count` rows, and cuts the page that exceeds them."""

    # After dlt's cursor, so that rows it filters out do not count, and before dlt's limit, which ends the entry.
    placement_affinity = 1.05

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    @override
    def take(self, item: Any) -> Any:
        """Returns the part of `item` (a row, a list of rows or a frame) within the count, or None."""
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
    """Records the names of all columns that pass, and the number of rows.

    Attributes:
        names: The names of the columns.
        rows: The number of rows.
    """

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
