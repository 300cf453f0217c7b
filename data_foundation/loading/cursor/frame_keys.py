"""The keys of a frame's cursor column: compared by Arrow if its type orders them as they land, else one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from data_foundation.errors import ValueRefused
from data_foundation.loading.cursor.landed_order import LandedOrder

_INSTANT = pa.timestamp("us", "UTC")


class FrameKeys(ABC):
    """The keys of a column without nulls.

    Attributes:
        column: The values of the column, as the state stores them.
        order: Order of the cursor's values.
    """

    def __init__(self, column: Any, order: LandedOrder) -> None:
        self.column = column
        self.order = order

    def value(self, index: int) -> Any:
        """Returns a value of the column."""
        return self.column[index].as_py()

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """Returns the key of a row."""

    @abstractmethod
    def later(self, key: Any) -> Any:
        """Returns which keys are later than `key`, as an Arrow array."""

    @abstractmethod
    def equal(self, key: Any) -> Any:
        """Returns which keys equal `key`, as an Arrow array."""

    @abstractmethod
    def first(self) -> int:
        """Returns the index of a row with the first key in the order."""

    @abstractmethod
    def last(self) -> int:
        """Returns the index of a row with the last key in the order."""


class _ArrowKeys(FrameKeys):
    """Keys that Arrow compares."""

    def __init__(self, column: Any, order: LandedOrder, keys: Any) -> None:
        super().__init__(column, order)
        self._keys = keys

    @override
    def __getitem__(self, index: int) -> Any:
        return self.order.key(self._keys[index].as_py())

    @override
    def later(self, key: Any) -> Any:
        if (scalar := self._scalar(key)) is None:
            return _PythonKeys(self.column, self.order).later(key)
        return (pc.less if self.order.is_descending else pc.greater)(self._keys, scalar)

    @override
    def equal(self, key: Any) -> Any:
        if (scalar := self._scalar(key)) is None:
            return _PythonKeys(self.column, self.order).equal(key)
        return pc.equal(self._keys, scalar)

    def _scalar(self, key: Any) -> Any:
        """Returns a key as Arrow compares it, None if the column's type cannot hold it, for instance 1.5 or 2**70."""
        try:
            return pa.scalar(key, self._keys.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            return None

    @override
    def first(self) -> int:
        return self._extreme(is_last=False)

    @override
    def last(self) -> int:
        return self._extreme(is_last=True)

    def _extreme(self, *, is_last: bool) -> int:
        find = pc.max if is_last != self.order.is_descending else pc.min
        return int(pc.index(self._keys, find(self._keys)).as_py())


class _PythonKeys(FrameKeys):
    """Keys that Python compares."""

    def __init__(self, column: Any, order: LandedOrder) -> None:
        super().__init__(column, order)
        self._keys = [order.key(value) for value in column.to_pylist()]

    @override
    def __getitem__(self, index: int) -> Any:
        return self._keys[index]

    @override
    def later(self, key: Any) -> Any:
        return pa.array([self.order.is_later(one, key) for one in self._keys], pa.bool_())

    @override
    def equal(self, key: Any) -> Any:
        return pa.array([one == key for one in self._keys], pa.bool_())

    @override
    def first(self) -> int:
        best = 0
        for index, key in enumerate(self._keys):
            best = index if self.order.is_later(self._keys[best], key) else best
        return best

    @override
    def last(self) -> int:
        best = 0
        for index, key in enumerate(self._keys):
            best = index if self.order.is_later(key, self._keys[best]) else best
        return best


def find_keys(column: Any, order: LandedOrder) -> FrameKeys:
    """Returns the keys of a column without nulls.

    Raises:
        ValueRefused: A value has no order among those of the column.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_timestamp(kind):
        # State and table hold microseconds.
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    if order.data_type is None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        order.fix("text")  # dlt looks for times in the texts of dicts alone
    example = order.key(column[0].as_py())
    if isinstance(example, datetime) and pa.types.is_timestamp(kind):
        keys = column.cast(pa.timestamp("us")).cast(_INSTANT) if kind.tz is None else column.cast(_INSTANT)
        return _ArrowKeys(column, order, keys)
    if type(example) is date and pa.types.is_date32(kind):
        return _ArrowKeys(column, order, column)
    if pa.types.is_integer(kind) and isinstance(example, int):
        return _ArrowKeys(column, order, column)
    if pa.types.is_floating(kind) and isinstance(example, float):
        if not pc.all(pc.is_finite(column)).as_py():
            raise ValueRefused(f"cursor {order.column}: got nan or an infinite value, which has no order")
        return _ArrowKeys(column, order, column)
    return _PythonKeys(column, order)
