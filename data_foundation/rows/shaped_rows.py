"""The pipe step of `processing_steps`: leaves out rows and fields, renames fields, and calls functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
from dlt.extract import DltResource
from typing_extensions import override

from data_foundation.errors import LoadError
from data_foundation.naming import normalize
from data_foundation.rows.exact.value_rules import is_frame, plain
from data_foundation.rows.json_documents import is_document, read_document
from data_foundation.rows.pipe_steps import Step
from data_foundation.suggestions import nearest

Kind = Literal["filter", "map", "yield_map", "accept", "where", "exclude", "rename"]
_FILTERS = ("filter", "accept", "where")


@dataclass
class RowStep:
    """One step.

    Attributes:
        kind: What is done; `accept` is a filter by values, `where` one by a condition.
        argument: A function; the accepted values by field; a `RowCondition`; the fields to leave out; or the new
            names by field.
        taken: Number of rows that the step received.
        passed: Number of rows that it passed on.
        found: The configured fields that a row had.
        names: The fields that rows had.
    """

    kind: Kind
    argument: Any
    taken: int = 0
    passed: int = 0
    found: set[str] = field(default_factory=set)
    names: dict[str, None] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """Number of rows that the step has left out."""
        return self.taken - self.passed if self.kind in _FILTERS else 0

    def apply(self, rows: Any) -> Any:
        """Returns a list of rows, or an Arrow table, after the step.

        Raises:
            LoadError: A renamed field gets the name of another one, or a function returned no row.
        """
        self.taken += len(rows)
        is_table = isinstance(rows, pa.Table)
        if self.kind in {"exclude", "rename"}:
            shaped = self._shape_table(rows) if is_table else [self._shape(row) for row in rows]
        elif self.kind in {"accept", "where"}:
            accepts = self._accepts if self.kind == "accept" else self._meets
            shaped = self._filter_table(rows, accepts) if is_table else [row for row in rows if accepts(row)]
        else:
            shaped = list(self._call(rows.to_pylist() if is_table else rows))
        self.passed += len(shaped)
        return shaped

    def warnings(self) -> list[str]:
        """Returns a warning for each configured field that no row had, and for a filter that passed no row."""
        if not self.taken or callable(self.argument):
            return []
        key = "filter" if self.kind == "accept" else self.kind
        unknown = [name for name in self._configured if name not in self.found]
        named = [
            f"processing_steps: {key}: no row has a field '{name}'; rows have {', '.join(self.names)}"
            f"{nearest(name, list(self.names))}"
            for name in unknown
        ]
        if self.kind not in {"accept", "where"} or self.passed or unknown:
            return named
        what = "has an accepted value" if self.kind == "accept" else "meets the condition"
        return [f"processing_steps: {key}: none of {self.taken} rows {what}"]

    @property
    def _configured(self) -> Iterable[str]:
        """The fields that the step names."""
        return map(".".join, self.argument.fields) if self.kind == "where" else self.argument

    def _names(self, names: tuple[str, ...]) -> dict[str, str]:
        """Returns the new names of the fields that remain, by their names in the row."""
        self.names.update(dict.fromkeys(names))
        configured = {normalize(name): name for name in self.argument}
        matched = {name: configured[normalize(name)] for name in names if normalize(name) in configured}
        self.found.update(matched.values())
        if self.kind == "exclude":
            return {name: name for name in names if name not in matched}
        renamed = {name: self.argument[matched[name]] if name in matched else name for name in names}
        if len(set(renamed.values())) < len(renamed):
            clash = next(new for new in renamed.values() if list(renamed.values()).count(new) > 1)
            raise LoadError(f"processing_steps: rename: the row has a field '{clash}' already; exclude it before")
        return renamed

    def _shape(self, row: Any) -> dict[str, Any]:
        names = self._names(tuple(row))
        return {names[name]: value for name, value in row.items() if name in names}

    def _shape_table(self, table: pa.Table) -> pa.Table:
        names = self._names(tuple(table.column_names))
        return table.select(list(names)).rename_columns(list(names.values()))

    def _accepts(self, row: Mapping[str, Any]) -> bool:
        fields = {normalize(name): name for name in row}
        self.names.update(dict.fromkeys(row))
        for name, accepted in self.argument.items():
            if (own := fields.get(normalize(name))) is not None:
                self.found.add(name)
            value = None if own is None else row[own]
            if not any(_is_same(value, one) for one in accepted):
                return False
        return True

    def _meets(self, row: Mapping[str, Any]) -> bool:
        self.names.update(dict.fromkeys(row))
        values: dict[Sequence[str], Any] = {}
        for path in self.argument.fields:
            *outer, name = path
            inside = _value_at(row, outer)
            own = _own_name(inside, name)
            values[path] = None if own is None else inside[own]
            if own is not None:
                self.found.add(".".join(path))
        return self.argument.evaluate(values) is True

    def _filter_table(self, table: pa.Table, accepts: Callable[[Mapping[str, Any]], bool]) -> pa.Table:
        return table.filter(pa.array([accepts(row) for row in self._filtered_columns(table)], pa.bool_()))

    def _filtered_columns(self, table: pa.Table) -> list[dict[str, Any]]:
        self.names.update(dict.fromkeys(table.column_names))
        wanted = set(map(normalize, self.argument.names if self.kind == "where" else self.argument))
        columns = [name for name in table.column_names if normalize(name) in wanted]
        return table.select(columns).to_pylist(maps_as_pydicts="strict") if columns else [{}] * table.num_rows

    def _call(self, rows: Iterable[Any]) -> Iterable[Any]:
        for row in rows:
            result = self.argument(row)
            if self.kind == "filter":
                if result:
                    yield row
            elif self.kind == "yield_map":
                yield from result or ()
            elif result is None:
                message = (
                    "processing_steps: map: the function returned None; accepted is a row, and `filter` leaves rows out"
                )
                raise LoadError(message)
            else:
                yield result


class ShapeRows(Step):
    """Passes rows through the steps, in their order; what is configured for columns has the names after them."""

    def __init__(self, steps: Sequence[RowStep]) -> None:
        """Begins with the first row.

        Args:
            steps: The steps, in their order.
        """
        super().__init__()
        self.steps = steps

    @override
    def take(self, item: Any) -> Any:
        rows: Any = _as_table(item) if is_frame(item) else _as_rows(item)
        for step in self.steps:
            rows = step.apply(rows)
        return rows if len(rows) else None


def find_step_warnings(resource: DltResource) -> list[str]:
    """Returns the warnings of the processing steps of a resource."""
    return [warning for step in _find_steps(resource) for warning in step.warnings()]


def count_left_out(resource: DltResource) -> int:
    """Returns the number of rows that the processing steps of a resource have left out."""
    return sum(step.left_out for step in _find_steps(resource))


def _find_steps(resource: DltResource) -> list[RowStep]:
    steps = [step for step in resource._pipe.steps if isinstance(step, ShapeRows)]  # noqa: SLF001 - as in `pii`
    return [step for shape in steps for step in shape.steps]


def _value_at(row: Any, path: Sequence[str]) -> Any:
    """Returns the value of a field, or of one inside another, by its own or its normalized name; None without one."""
    for name in path:
        own = _own_name(row, name)
        row = None if own is None else row[own]
    return row


def _own_name(row: Any, name: str) -> str | None:
    """Returns the name that a row has for a field, None if it has none."""
    if not isinstance(row, Mapping):
        return None
    return name if name in row else next((one for one in row if normalize(one) == normalize(name)), None)


def _as_table(frame: Any) -> pa.Table:
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if isinstance(frame, pa.Table):
        return frame
    return frame.to_arrow() if hasattr(frame, "to_arrow") else pa.Table.from_pandas(frame, preserve_index=False)


def _as_rows(item: Any) -> list[Any]:
    """Returns the rows of an item, which is a row, a list of rows, or a JSON document.

    Raises:
        LoadError: A row has no fields.
    """
    rows = read_document(item) if is_document(item) else item if isinstance(item, list) else [item]
    rows = [plain(row) for row in rows]
    for row in rows:
        if not isinstance(row, Mapping):
            raise LoadError(
                f"processing_steps: the entry yielded a {type(row).__name__}; accepted are rows with fields"
            )
    return rows


def _is_same(value: Any, accepted: Any) -> bool:
    """Returns whether two values are the same; `true` is not 1."""
    return isinstance(value, bool) == isinstance(accepted, bool) and bool(value == accepted)
