"""Rows reach the table exactly as they were yielded, or are refused with resource, column and row named."""

from __future__ import annotations

from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.extract import DltResource
from dlt.extract.items import TableNameMeta

from data_foundation.errors import ValueRefused
from data_foundation.exact.ahead import Ahead
from data_foundation.exact.frames import Frames, as_arrow
from data_foundation.exact.rows import Rows
from data_foundation.exact.values import Unacceptable, describe, plain
from data_foundation.steps import Step, is_frame


class Exact(Step):
    """Looks at everything before dlt does, which changes some values and drops others without a word."""

    # Behind dlt's cursor and a sample's end: what they leave out is in nobody's way.
    placement_affinity = 1.06

    def __init__(self, resource: DltResource) -> None:
        super().__init__()
        self._resource = resource
        self._tables: dict[str, _Entrance] = {}

    def __call__(self, item: Any, meta: Any = None) -> Any:
        """Returns what goes on of an item: itself, unless the contract discards some of it.

        Raises:
            ValueRefused: A value would be changed or lost.
        """
        name = meta.table_name if isinstance(meta, TableNameMeta) else ""
        if name not in self._tables:
            if DestinationCapabilitiesContext not in Container():
                # Somebody iterates over the resource by hand: the rows land nowhere.
                return item
            self._tables[name] = _Entrance(self._resource, item, meta)
        return self._tables[name].take(item)

    def take(self, item: Any) -> Any:
        """Returns what goes on of an item that carries no table's name."""
        return self(item)

    def told(self) -> list[str]:
        """Returns what a person should know of what passed: what a contract let go, and how often."""
        return [warning for entrance in self._tables.values() for warning in entrance.told()]


def told(resource: DltResource) -> list[str]:
    """Returns what a resource that was extracted has to tell: what a contract let go, and how often."""
    return [warning for step in resource._pipe.steps if isinstance(step, Exact) for warning in step.told()]  # noqa: SLF001


class _Entrance:
    """Where the items of one table come in, whatever they are."""

    def __init__(self, resource: DltResource, item: Any, meta: Any) -> None:
        schema = dlt.current.source_schema()
        hints = resource.compute_table_schema(item, meta)
        nested = resource.compute_nested_table_schemas(str(hints["name"]), schema.naming, item, meta)
        self._ahead = Ahead(schema, hints, nested)
        self._rows = Rows(self._ahead)
        self._frames = Frames(self._ahead)
        self._count = 0
        self._taken_apart = 0

    def take(self, item: Any) -> Any:
        """Returns what goes on of an item, None for nothing."""
        if item is None or (isinstance(item, list) and not item):
            return item
        if (refused := self._ahead.refusal).mode:
            self._rows.discarded[self._rows.discard((), refused)] += len(item) if isinstance(item, list) else 1
            return None
        items = item if isinstance(item, list) else [item]
        frames = [is_frame(one) for one in items]
        if not any(frames):
            return self._take_rows(items if isinstance(item, list) else [self._row(item)])
        if not all(frames):
            raise ValueRefused(f"row {self._count + 1}: got a page of rows and frames; yield each by itself")
        taken = [self._take_frame(one) for one in items]
        rows = [row for one in taken if isinstance(one, list) for row in one]
        return rows or [one for one in taken if not isinstance(one, list)] or None

    def _take_rows(self, page: list[Any]) -> list[Any] | None:
        if self._ahead.holds == "frames":
            reason = (
                "got a dict, and the table holds Arrow rows, which have no ids; yield Arrow tables, or `refresh: drop`"
            )
            raise ValueRefused(f"row {self._count + 1}: {reason}")
        self._ahead.holds = "rows"
        taken = self._rows.take(page, self._count)
        self._count += len(page)
        return taken or None

    def _take_frame(self, frame: Any) -> Any:
        try:
            table = as_arrow(frame)
        except Unacceptable as error:
            raise self._frames_refusal(str(error)) from None
        if self._ahead.holds == "rows":
            # Rows that came as dicts have ids; only as dicts do these get theirs.
            self._taken_apart += 1
            return self._take_rows(table.to_pylist()) or []
        if all(str(kind) == "null" for kind in table.schema.types):
            if not len(table):
                return []
            raise self._frames_refusal("no column has a type; leave the frame out, or give its columns types")
        self._ahead.holds = "frames"
        taken = self._frames.take(table, self._count)
        self._count += len(table)
        return taken

    def _frames_refusal(self, reason: str) -> ValueRefused:
        return ValueRefused(f"the frame that starts with row {self._count + 1}: {reason}")

    def _row(self, item: Any) -> Any:
        """Returns what was yielded by itself, where it is a row."""
        row = plain(item)
        if isinstance(row, dict | str | int | float | bool | bytes):
            return row
        accepted = "accepted: a dict, a list of dicts, an Arrow table or batch, a pandas or polars frame"
        raise ValueRefused(f"row {self._count + 1}: got {describe(item)}; {accepted}")

    def told(self) -> list[str]:
        """Returns what a contract let go, and what took longer than it should."""
        warnings = [
            f"{count} times discarded: {what.partition(' ')[2]}"
            for counts in (self._rows.discarded, self._frames.discarded)
            for what, count in counts.items()
        ]
        if self._taken_apart:
            warnings.append(
                "frames were taken apart into dicts, as the rows of this table are; `refresh: drop` is faster"
            )
        return warnings
